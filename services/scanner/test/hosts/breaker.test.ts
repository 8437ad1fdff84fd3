import assert from "node:assert/strict";
import { test } from "node:test";
import { Breaker } from "../../src/hosts/breaker.ts";

test("after five failures one behind the other nobody is let through, then one, and all when that one succeeds", () => {
  let nowMs = 0;
  const breaker = new Breaker(() => nowMs);
  for (let i = 0; i < 4; i++) breaker.failed("no answer in time");
  breaker.succeeded();
  for (let i = 0; i < 5; i++) {
    assert.equal(breaker.refusal(), undefined);
    breaker.failed("no answer in time");
  }
  assert.match(breaker.refusal() ?? "", /not asked, after 5 failures: no answer in time/);
  nowMs += 14_999;
  assert.ok(breaker.refusal() !== undefined);
  nowMs += 1;
  assert.equal(breaker.refusal(), undefined, "one may try");
  assert.ok(breaker.refusal() !== undefined, "but not a second one");
  breaker.failed("ECONNREFUSED");
  assert.match(breaker.refusal() ?? "", /after 6 failures: ECONNREFUSED/);
  nowMs += 15_000;
  assert.equal(breaker.refusal(), undefined);
  breaker.abandoned();
  assert.equal(breaker.refusal(), undefined, "whose try came to nothing leaves it to the next");
  breaker.succeeded();
  assert.equal(breaker.problem, undefined);
  assert.equal(breaker.refusal(), undefined);
});
