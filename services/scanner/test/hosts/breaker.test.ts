import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Breaker } from "../../src/hosts/breaker.ts";

/** A breaker, and what a probe meets at present. */
function lab() {
  const world = { nowMs: 0, answers: false, probes: 0 };
  const breaker = new Breaker(() => world.nowMs);
  const refusal = () =>
    breaker.refusal(async () => {
      world.probes += 1;
      if (!world.answers) throw new Error("no answer in time");
    });
  return { world, breaker, refusal };
}

describe("a breaker", () => {
  test("after five messages without an answer, and none about our own, lets nobody through, for 15 s each time", async () => {
    const { world, breaker, refusal } = lab();
    for (let i = 0; i < 4; i++) breaker.failed("half an answer", `${i}`);
    breaker.succeeded();
    for (let i = 0; i < 5; i++) {
      assert.equal(await refusal(), undefined);
      breaker.failed("half an answer", `${i}`);
    }
    assert.equal(world.probes, 0);
    assert.equal(await refusal(), "not asked, after 6 failures: no answer in time");
    assert.equal(await refusal(), breaker.problem);
    world.nowMs += 14_999;
    assert.ok((await refusal()) !== undefined);
    assert.equal(world.probes, 1);
    world.nowMs += 1;
    assert.match((await refusal()) ?? "", /after 7 failures/);
    world.nowMs += 15_000;
    world.answers = true;
    assert.equal(await refusal(), undefined);
    assert.equal(breaker.problem, undefined);
    assert.equal(world.probes, 3);
    assert.equal(await refusal(), undefined);
    assert.equal(world.probes, 3);
  });

  test("counts one message once, however often it comes", async () => {
    const { world, breaker, refusal } = lab();
    for (let i = 0; i < 50; i++) {
      breaker.failed("no answer in time", "the same");
      assert.equal(await refusal(), undefined);
    }
    assert.equal(world.probes, 0);
  });

  test("stays closed for an engine that chokes on many messages and not on our own", async () => {
    const { world, breaker, refusal } = lab();
    world.answers = true;
    for (let i = 0; i < 50; i++) {
      breaker.failed("no answer in time", `${i}`);
      assert.equal(await refusal(), undefined);
    }
    assert.equal(world.probes, 10);
  });

  test("looks once for all who ask at the same time", async () => {
    const { world, breaker, refusal } = lab();
    for (let i = 0; i < 5; i++) breaker.failed("no answer in time", `${i}`);
    world.answers = true;
    assert.deepEqual(await Promise.all([refusal(), refusal(), refusal()]), [undefined, undefined, undefined]);
    assert.equal(world.probes, 1);
  });
});
