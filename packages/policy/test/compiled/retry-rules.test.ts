import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policyOf } from "../policy-of.ts";

const text = `
addresslist slow = *@slow.test
begin retry
quota.test       quota            F,1h,1h
host.test        refused          F,2h,1h
*.wild.test      *                F,3h,1h
ann@a.test       *                F,4h,1h
slow.test        rcpt_4xx         F,5h,1h
*                *   senders=:    F,6h,1h
b.test           timeout
*                *                F,8h,1h
`;

describe("the first retry rule that fits", () => {
  const { retryRule } = policyOf(text);
  const cases = [
    { address: "x@quota.test", errno: -22, hours: 1 },
    { address: "x@quota.test", errno: 111, hours: 8 },
    { address: "x@b.test", errno: 111, host: "host.test", hours: 2 },
    { address: "x@host.test", errno: 111, hours: 2 },
    { address: "x@mx.wild.test", errno: 0, hours: 3 },
    { address: "ann@a.test", errno: -1, hours: 4 },
    { address: "bob@a.test", errno: -1, hours: 8 },
    { address: "x@slow.test", errno: -44, hours: 5 },
    { address: "x@c.test", errno: -1, returnPath: "", hours: 6 },
    { address: "x@b.test", errno: 110, hours: undefined },
  ];
  for (const { hours, ...failure } of cases) {
    test(JSON.stringify(failure), async () => {
      const [step] = await retryRule({ returnPath: "s@x.test", ...failure });
      assert.equal(step === undefined ? undefined : step.cutoffMs / 3_600_000, hours);
    });
  }
});

test("without rules the first failure is the last, as in Exim", async () => {
  assert.deepEqual(await policyOf("").retryRule({ address: "a@b", returnPath: "", errno: 0 }), []);
});

test("a rule for everything needs no waiting", () => {
  const steps = policyOf("begin retry\n* * F,1h,1m\n").retryRule({ address: "a@b", returnPath: "", errno: 0 });
  assert.deepEqual(steps, [{ kind: "F", cutoffMs: 3_600_000, intervalMs: 60_000 }]);
});
