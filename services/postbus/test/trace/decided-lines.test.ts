import assert from "node:assert/strict";
import { test } from "node:test";
import type { Decided } from "@postbus/contracts";
import { decidedLines } from "../../src/trace/decided-lines.ts";

const event: Decided = {
  v: 1,
  id: "x/decided",
  atMs: 0,
  service: "gateway",
  messageId: "x",
  name: "msg:decided",
  outcome: "refused",
  policyVersion: "0123456789abcdef",
  stages: [
    { stage: "helo", verdict: "accept", tookUs: 7, steps: [] },
    {
      stage: "rcpt",
      about: "bob@example.org",
      verdict: "refuse",
      tookUs: 1_250,
      reply: "550 5.1.1 no such user",
      log: "no such user",
      steps: [
        {
          acl: "inner",
          depth: 1,
          verb: "accept",
          at: "/p.conf:26",
          checks: [{ name: "condition", value: "…", said: "yes", line: 26 }],
          outcome: "yes",
          decides: true,
        },
        {
          acl: "check",
          verb: "deny",
          at: "/p.conf:18",
          checks: [
            { name: "!acl", value: "inner", said: "no", line: 18 },
            { name: "dnslists", value: "list.example", said: "yes", line: 19, note: "listed", waitedUs: 1_100 },
            { name: "set acl_c_key", said: "yes", line: 20 },
          ],
          outcome: "yes",
          decides: true,
        },
      ],
    },
    { stage: "rcpt", about: "c@example.org", verdict: "refuse", isTemporary: true, tookUs: 3, log: "busy", steps: [] },
    {
      stage: "data",
      verdict: "refuse",
      tookUs: 3,
      steps: [{ acl: "check", verb: "warn", at: "/p.conf:30", checks: [], outcome: "yes" }],
      omittedSteps: 9,
    },
  ],
  omittedStages: 12,
};

test("each stage and each statement is a line, and the one that has decided can be seen", () => {
  assert.deepEqual(decidedLines(event), [
    "  helo: accepted (7 us)",
    "  rcpt bob@example.org: refused: 550 5.1.1 no such user (1250 us)",
    "    *   /p.conf:26 inner: accept: condition = … -> yes; yes",
    "    * /p.conf:18 check: deny: !acl = inner -> no; dnslists = list.example -> yes (listed, waited 1100 us); set acl_c_key -> yes; yes",
    "  rcpt c@example.org: temporarily refused [busy] (3 us)",
    "    * no ACL",
    "  data: refused (3 us)",
    "      9 statements left out",
    "      /p.conf:30 check: warn: yes",
    "    * end of the ACL",
    "  and 12 more recipients or parts",
  ]);
});
