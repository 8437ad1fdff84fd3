import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inTime } from "../src/bus-deadline.ts";
import { newId, startFixture } from "./fixture.ts";

const never = () => new Promise<never>(() => {});

test("what the bus answers in time is the answer, its error too", async () => {
  assert.equal(await inTime(Promise.resolve(1)), 1);
  await assert.rejects(inTime(Promise.reject(new Error("full"))), { message: "full" });
});

test("a bus that does not answer is an error that passes", async () => {
  await assert.rejects(inTime(never(), 1), { name: "BusUnavailableError", message: "bus: no answer in 1 ms" });
});

describe("while the bus does not answer", { concurrency: true, timeout: 180_000 }, () => {
  for (const url of ["/v1/queue", "/v1/queue?limit=0", "/v1/fleet", "/readyz", `/v1/messages/${newId()}`]) {
    test(`${url.slice(0, 18)} is 503 with a code`, async (t) => {
      const fixture = await startFixture();
      t.after(() => fixture.stop());
      Object.assign(fixture.bus.waiting, { counts: never, list: never, ofMessage: never });
      fixture.bus.health = never;
      const response = await fixture.app.inject({ url, headers: { host: "localhost" } });
      assert.deepEqual(
        [response.statusCode, response.json()],
        [503, { code: "UNAVAILABLE", message: "bus: no answer in 2000 ms" }],
      );
    });
  }
});
