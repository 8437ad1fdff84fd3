import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { suspensionBucket } from "@postbus/contracts";
import { type Fixture, startFixture } from "./fixture.ts";

const TOKEN = "correct-horse";
let open: Fixture;
let guarded: Fixture;
before(async () => {
  [open, guarded] = await Promise.all([startFixture(), startFixture({ token: TOKEN })]);
});
after(() => Promise.all([open.stop(), guarded.stop()]));

const ask = (method: "GET" | "POST" | "DELETE", path: string, fixture: Fixture = open) =>
  fixture.app.inject({ method, url: `/v1/suspensions${path}`, headers: { host: "localhost:8080" } });

test("a suspension is made, shown, and ended", async () => {
  const made = await ask("POST", "/B.test?reason=moves%20house&seconds=3600");
  assert.equal(made.statusCode, 200);
  const { target, reason, sinceMs, untilMs } = made.json();
  assert.deepEqual([target, reason, untilMs - sinceMs], ["b.test", "moves house", 3_600_000]);
  assert.equal((await ask("POST", "/2001:db8::1")).statusCode, 200);
  const { suspensions } = (await ask("GET", "")).json();
  assert.deepEqual(
    suspensions.map((one: { target: string }) => one.target),
    ["2001:db8::1", "b.test"],
  );
  assert.equal((await ask("DELETE", "/b.TEST")).statusCode, 200);
  assert.equal((await ask("DELETE", "/b.test")).statusCode, 404);
  assert.equal((await open.bus.keyValue(suspensionBucket).list()).length, 1);
});

test("what is no domain and no host, and a time that is none, is refused", async () => {
  for (const path of [
    "/a%20b",
    "/a%2Fb",
    "/b.test?seconds=0",
    "/b.test?second=5",
    `/b.test?reason=${"x".repeat(201)}`,
  ]) {
    assert.equal((await ask("POST", path)).statusCode, 400, path);
  }
});

test("without the token nobody suspends, or ends a suspension", async () => {
  for (const method of ["POST", "DELETE"] as const) {
    assert.equal((await ask(method, "/b.test", guarded)).statusCode, 401, method);
  }
});
