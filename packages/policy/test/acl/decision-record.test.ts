import assert from "node:assert/strict";
import { test } from "node:test";
import type { AclAnswer } from "../../src/acl/answer.ts";
import { formatRecord } from "../../src/acl/decision-record.ts";
import type { DecisionListener } from "../../src/acl/hooks.ts";
import { askRcpt, policySession, shown } from "./policy-session.ts";

test("the record says which statement decided, where it stands, and what each condition said", async () => {
  const { answer } = await askRcpt(
    "  accept hosts = 10.0.0.0/8\n  warn condition = maybe\n  require acl = inner one\n    domains = test.example\n    !local_parts = bob : eve\n  accept",
    { more: "inner:\n  accept condition = ${if eq{$acl_arg1}{one}}\n" },
  );
  assert.deepEqual(formatRecord(answer.record), [
    "  /policy:6 check: accept: hosts = 10.0.0.0/8 -> no; no",
    "  /policy:7 check: warn: condition = maybe -> defer; defer",
    "    /policy:13 inner: accept: condition = ${if eq{$acl_arg1}{one}} -> yes; yes",
    "  /policy:8 check: require: acl = inner one -> yes; domains = test.example -> yes; !local_parts = bob : eve -> yes; no",
    "rcpt: no",
  ]);
  assert.deepEqual(answer.record.statements.at(-1)?.place, { file: "/policy", line: 8 });
});

test("a peer's line ends do not get into it", async () => {
  const { answer } = await askRcpt("  deny log_message = ${sg{$local_part}{o}{\\n}}");
  assert.deepEqual(formatRecord(answer.record).at(-1), "rcpt: no: b b");
});

/** Every look at its clock is a millisecond later than the one before. */
class Listener implements DecisionListener {
  readonly heard: { readonly answer: AclAnswer; readonly tookUs: number; readonly about: string | undefined }[] = [];
  #nowMs = 0;

  nowMs(): number {
    this.#nowMs += 1;
    return this.#nowMs;
  }

  decided(answer: AclAnswer, tookUs: number, about: string | undefined): void {
    this.heard.push({ answer, tookUs, about });
  }
}

const told = ({ heard }: Listener): string[] =>
  heard.map(({ answer, tookUs, about = "-" }) => `${answer.record.stage} ${about} ${shown(answer)}, ${tookUs} us`);

test("who listens hears of each stage that has an ACL, and of one that refuses since it has none", async () => {
  const decisions = new Listener();
  const { acls } = policySession("acl_smtp_helo = helo\nbegin acl\nhelo:\n  accept\n", { hooks: { decisions } });
  await acls.connect();
  await acls.helo("client.example", true);
  await acls.mail({ returnPath: "ann@out.example" });
  await acls.recipient("bob@test.example");
  assert.deepEqual(told(decisions), [
    "helo - accept, 1000 us",
    "rcpt bob@test.example 550 Administrative prohibition, 0 us",
  ]);
});

test("who listens hears how long a condition had to be waited for", async () => {
  const decisions = new Listener();
  const zone = { "A 1.2.0.192.list.example": ["127.0.0.2"] };
  await askRcpt("  deny domains = test.example\n    dnslists = list.example", { hooks: { decisions }, zone });
  const [heard] = decisions.heard;
  assert.deepEqual(
    heard?.answer.record.statements[0]?.checks.map(({ check, said, waitedUs }) => [
      `${check.name}, line ${check.line}`,
      said,
      waitedUs,
    ]),
    [
      ["domains, line 6", "yes", undefined],
      ["dnslists, line 7", "yes", 1000],
    ],
  );
  assert.equal(heard?.tookUs, 3000);
});

test("each statement says whether it was the last of its ACL; without one, the ACL has come to its end", async () => {
  const inner = { more: "inner:\n  warn\n  accept\n" };
  const { answer } = await askRcpt("  accept domains = other.example\n  require acl = inner", inner);
  assert.deepEqual(
    answer.record.statements.map(({ acl, verb, decides }) => [acl, verb, decides]),
    [
      ["check", "accept", false],
      ["inner", "warn", false],
      ["inner", "accept", true],
      ["check", "require", false],
    ],
  );
  const { answer: refused } = await askRcpt("  require domains = other.example");
  assert.equal(refused.record.statements.at(-1)?.decides, true);
  const { answer: failed } = await askRcpt("  accept condition = ${if nonsense{}{}}");
  assert.equal(failed.record.statements.at(-1)?.decides, true);
});
