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

test("a rule that cannot be known now is none that ends anything", async () => {
  const { retryRule } = policyOf("begin retry\n* * senders=${lookup{x}lsearch{/nowhere}} F,1h,1h\n* * F,2h,1h\n");
  const [step] = await retryRule({ address: "x@b.test", returnPath: "s@x.test", errno: 111 });
  assert.deepEqual(step, { kind: "F", cutoffMs: Number.MAX_SAFE_INTEGER, intervalMs: 900_000 });
});

test("without rules the first failure is the last, as in Exim", async () => {
  assert.deepEqual(await policyOf("").retryRule({ address: "a@b", returnPath: "", errno: 0 }), []);
});

test("a rule for everything needs no waiting", () => {
  const steps = policyOf("begin retry\n* * F,1h,1m\n").retryRule({ address: "a@b", returnPath: "", errno: 0 });
  assert.deepEqual(steps, [{ kind: "F", cutoffMs: 3_600_000, intervalMs: 60_000 }]);
});

/** Each with what `exim -brt` (4.98) answers for the address or host and the error: the first step's cutoff and interval, in minutes. */
describe("the retry rule that Exim uses", () => {
  const { retryRule } = policyOf(`
begin retry
*@quota.test     quota_3h            F,1h,1m
*@quota.test     quota               F,2h,2m
a.test           rcpt_45x            F,1h,3m
a.test           rcpt_451            F,1h,4m
a.test           mail_4xx            F,1h,5m
b.test           refused_MX          F,1h,6m
b.test           refused_A           F,1h,7m
b.test           timeout_connect_MX  F,1h,8m
b.test           timeout_connect     F,1h,9m
b.test           timeout_A           F,1h,10m
user@c.test      *                   G,1h,11m,1.5
^.*x@c\\.test    *                   F,1h,12m
host.d.test      *                   F,1h,13m
*.e.test         *                   F,1h,14m
*                tls_required        F,1h,15m
*                *                   F,2h,16m; G,16h,1h,1.5
`);
  const hour = 3_600_000;
  const cases = [
    { name: "x@quota.test quota", address: "x@quota.test", errno: -22, minutes: 2 },
    { name: "x@quota.test quota_2h", address: "x@quota.test", errno: 122, unreadForMs: 2 * hour, minutes: 2 },
    { name: "x@quota.test quota_4h", address: "x@quota.test", errno: -22, unreadForMs: 4 * hour, minutes: 1 },
    { name: "a.test rcpt_451", address: "x@a.test", errno: -44, replyDigits: 51, minutes: 3 },
    { name: "a.test rcpt_4xx of another decade", address: "x@a.test", errno: -44, replyDigits: 21, minutes: 16 },
    { name: "a.test mail_499", address: "x@a.test", host: "mx.test", errno: -45, replyDigits: 99, minutes: 5 },
    { name: "a.test data_4xx", address: "x@a.test", host: "mx.test", errno: -46, replyDigits: 51, minutes: 16 },
    { name: "b.test refused_MX", address: "x@b.test", host: "h.test", errno: 111, isMx: true, minutes: 6 },
    { name: "b.test refused_A", address: "x@b.test", host: "h.test", errno: 111, isConnect: true, minutes: 7 },
    {
      name: "b.test timeout_connect_MX",
      ...{ address: "x@b.test", host: "h.test", errno: 110, isConnect: true, isMx: true, minutes: 8 },
    },
    {
      name: "b.test timeout_connect_A",
      ...{ address: "x@b.test", host: "h.test", errno: 110, isConnect: true, minutes: 9 },
    },
    { name: "b.test timeout_A", address: "x@b.test", host: "h.test", errno: 110, minutes: 10 },
    { name: "b.test timeout_MX", address: "x@b.test", host: "h.test", errno: 110, isMx: true, minutes: 16 },
    { name: "user@c.test", address: "user@c.test", errno: -1, minutes: 11 },
    { name: "ax@c.test", address: "ax@c.test", errno: -1, minutes: 12 },
    { name: "c.test", address: "user@c.test", isOfDomain: true, errno: -1, minutes: 16 },
    { name: "a host whose domain is c.test", address: "user@c.test", host: "h.test", errno: 111, minutes: 16 },
    { name: "host.d.test, of a domain", address: "x@x.test", host: "host.d.test", errno: 111, minutes: 13 },
    { name: "a host of the domain host.d.test", address: "x@host.d.test", host: "u.test", errno: 111, minutes: 13 },
    { name: "a.e.test", address: "x@u.test", host: "a.e.test", errno: -18, minutes: 14 },
    { name: "x@a.e.test", address: "x@a.e.test", errno: -1, minutes: 14 },
    { name: "e.test", address: "x@u.test", host: "e.test", errno: -18, minutes: 16 },
    { name: "q.test tls_required", address: "x@q.test", host: "h.test", errno: -38, minutes: 15 },
    { name: "TLS that has failed is as TLS that is not there", address: "x@q.test", errno: -37, minutes: 15 },
  ];
  for (const { name, minutes, ...failure } of cases) {
    test(name, async () => {
      const [step] = await retryRule({ returnPath: "s@x.test", ...failure });
      assert.equal(step?.intervalMs, minutes * 60_000);
    });
  }
});
