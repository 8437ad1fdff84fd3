import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRecord } from "../../src/acl/decision-record.ts";
import { askRcpt } from "./policy-session.ts";

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
