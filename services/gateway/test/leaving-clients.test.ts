import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RouteItem } from "@postbus/contracts";
import { Value } from "typebox/value";
import { isLine, startTestGateway, type TestGateway, type TestPolicy } from "./start-test-gateway.ts";

const envelope = (sender: string): string => `MAIL FROM:<${sender}@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n`;
const MESSAGE = "Subject: hi\r\n\r\nhi\r\n.\r\n";
/** Of the stage at the final dot, while which the client leaves. */
const delayed = (seconds: number): TestPolicy => ({
  acls: {
    data: `  accept condition = \${if eq{$sender_address}{next@b.example}}
  accept logwrite = asked
         delay = ${seconds}s
`,
  },
});

/** @returns who has sent the first message that was taken; another than the one before the last if that is lost. */
async function firstSender(gateway: TestGateway): Promise<string> {
  await using next = await gateway.session();
  await next.say(envelope("next"), 250, 250, 354);
  await next.say(MESSAGE, 250);
  return Value.Parse(RouteItem, (await gateway.taken()).header).returnPath;
}

describe("a client that leaves before the reply to its message sends it again: nothing is taken (RFC 5321 §4.1.1.10)", () => {
  for (const [how, lines] of [
    ["by an end", 1],
    ["by a reset", 1],
    ["by an end, behind a large one", 20_000],
    ["by a reset, behind a large one", 20_000],
  ] as const) {
    test(how, async () => {
      await using gateway = await startTestGateway({ policy: delayed(how.includes("reset") ? 60 : 1) });
      await using client = await gateway.session();
      await client.say(envelope("gone"), 250, 250, 354);
      const asked = gateway.event(isLine("asked"));
      const lost = gateway.event(isLine("SMTP connection lost after final dot"));
      await client.say(`Subject: hi\r\n\r\n${`${"x".repeat(98)}\r\n`.repeat(lines)}.\r\n`);
      await asked;
      if (how.includes("reset")) client.socket.resetAndDestroy();
      else client.socket.end();
      await lost;
      if (!how.includes("reset")) {
        await client.ended();
        assert.equal(client.received, "");
      }
      assert.equal(await firstSender(gateway), "next@b.example");
    });
  }

  test("but not where QUIT came with it", async () => {
    await using gateway = await startTestGateway({ policy: delayed(1) });
    await using client = await gateway.session();
    await client.say(envelope("there"), 250, 250, 354);
    client.socket.end(`${MESSAGE}QUIT\r\n`);
    await client.expect(250);
    await client.expect(221);
    assert.equal(await firstSender(gateway), "there@b.example");
  });

  test("acl_smtp_notquit comes behind the ACL that is running", async () => {
    const data = `  warn logwrite = asked
       delay = 60s
       logwrite = judged, of $sender_address
  accept
`;
    await using gateway = await startTestGateway({
      policy: { acls: { data, notquit: "  accept logwrite = left: $smtp_notquit_reason\n" } },
    });
    await using client = await gateway.session();
    await client.say(envelope("gone"), 250, 250, 354);
    const [asked, judged, left] = [
      gateway.event(isLine("asked")),
      gateway.event(isLine("judged")),
      gateway.event(isLine("left")),
    ];
    await client.say(MESSAGE);
    await asked;
    client.socket.resetAndDestroy();
    const [first, second] = await Promise.all([judged, left]);
    assert.equal(first.name === "log:line" && first.text, "judged, of gone@b.example");
    assert.equal(second.name === "log:line" && second.text, "left: connection-lost");
    assert.ok(first.atMs <= second.atMs);
  });
});

test("a transaction that the protocol has ended is forgotten by policy and log", async () => {
  await using gateway = await startTestGateway({
    policy: {
      smtp: { messageSizeLimit: 1_000 },
      main: "log_selector = +smtp_incomplete_transaction",
      acls: { vrfy: "  deny logwrite = vrfy <$sender_address> $recipients_count\n" },
    },
  });
  await using client = await gateway.session();
  await client.say(envelope("ann"), 250, 250, 354);
  await client.say(`Subject: hi\r\n\r\n${"x".repeat(2_000)}\r\n.\r\n`, 552);
  const line = gateway.event(isLine("vrfy"));
  await client.say("VRFY x@example.org\r\n", 252);
  const event = await line;
  assert.equal(event.name === "log:line" && event.text, "vrfy <> 0");
});
