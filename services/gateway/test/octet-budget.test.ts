import assert from "node:assert/strict";
import { test } from "node:test";
import { OctetBudget } from "../src/octet-budget.ts";
import { startTestGateway } from "./start-test-gateway.ts";
import type { TestClient } from "./test-client.ts";

const ENVELOPE = "MAIL FROM:<s@a.test>\r\nRCPT TO:<r@example.org>\r\nDATA\r\n";
const HALF = `${"x".repeat(78)}\r\n`.repeat(500);

test("what is taken is counted, what does not fit is not", () => {
  const budget = new OctetBudget(10);
  assert.deepEqual([budget.take(6), budget.take(5), budget.take(4), budget.used], [true, false, true, 10]);
  budget.give(6);
  assert.equal(budget.take(6), true);
});

/** Ways in which a message that has taken its share ends. */
const ends: readonly { name: string; end: (client: TestClient) => Promise<unknown> }[] = [
  { name: "it is accepted", end: (client) => client.say(".\r\n", 250) },
  { name: "the client resets the connection", end: async (client) => client.socket.resetAndDestroy() },
  { name: "the client closes the connection", end: async (client) => client.socket.destroy() },
  { name: "the client has said all it wants to say", end: async (client) => client.socket.end() },
  { name: "it is refused for a bare LF", end: (client) => client.say("bare\nLF\r\n.\r\n", 550) },
];

for (const { name, end } of ends) {
  test(`a message gives its octets back when ${name}`, async () => {
    // Room for two messages of this size, not for three.
    await using gateway = await startTestGateway({ settings: { inFlightOctets: 100_000 } });
    for (let round = 0; round < 6; round++) {
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      client.socket.write(`Subject: ${round}\r\n\r\n${HALF}`);
      await end(client);
    }
    for (const deadline = performance.now() + 10_000; ; ) {
      await using last = await gateway.session();
      await last.say(ENVELOPE, 250, 250, 354);
      last.socket.write(`Subject: last\r\n\r\n${HALF}${HALF}.\r\n`);
      const taken = await last.expect(250).catch((err: Error) => err);
      if (typeof taken === "string") break;
      if (performance.now() > deadline) throw taken;
    }
  });
}

test("a message for which there is no room is refused for now, and the next one that fits is taken", async () => {
  await using gateway = await startTestGateway({ settings: { inFlightOctets: 100_000 } });
  await using first = await gateway.session();
  await first.say(ENVELOPE, 250, 250, 354);
  first.socket.write(`Subject: first\r\n\r\n${HALF}`);
  await using second = await gateway.session();
  await second.say(ENVELOPE, 250, 250, 354);
  assert.match(await second.say(`Subject: second\r\n\r\n${HALF}${HALF}.\r\n`, 452), /^452 4\.3\.1 /);
  await first.say(".\r\n", 250);
  await second.say(ENVELOPE, 250, 250, 354);
  await second.say(`Subject: again\r\n\r\n${HALF}.\r\n`, 250);
});
