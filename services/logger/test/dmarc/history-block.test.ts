import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DmarcChecked } from "@postbus/contracts";
import { historyBlock } from "../../src/dmarc/history-block.ts";
import { checkedMessage, record } from "./checked-message.ts";

const message = checkedMessage(1);

/** As OpenDMARC 1.4 reads it, and Exim 4.100 writes it, but for the last line, without which OpenDMARC ends there. */
const WHOLE = `job ${message.messageId}
reporter mx.test
received 1795262400
ipaddr 192.0.2.1
from b.example
mfrom b.example
spf 7
dkim b.example s1 7
pdomain b.example
policy 16
rua mailto:rua@b.example!10m
pct 100
adkim 114
aspf 115
p 114
sp 0
align_dkim 5
align_spf 5
action 0
arc 11
arc_policy 1 json[ ]
arc_policy 1 json:[]
`;

const statuses: readonly (readonly [DmarcChecked["status"], number, number])[] = [
  ["accept", 15, 2],
  ["reject", 16, 0],
  ["quarantine", 17, 4],
  ["none", 18, 2],
];

const lines = (changes: Partial<DmarcChecked>): string[] =>
  historyBlock(checkedMessage(1, changes), "mx.test").split("\n");

describe("a block of the history file", () => {
  test("has a line for each thing that is known", () => assert.equal(historyBlock(message, "mx.test"), WHOLE));

  for (const [status, policy, action] of statuses) {
    test(`${status} is policy ${policy}, action ${action}`, () => {
      const block = lines({ status });
      assert.ok(block.includes(`policy ${policy}`) && block.includes(`action ${action}`), block.join());
    });
  }

  test("of a check that came to nothing for now has no policy, and action 3", () => {
    const block = lines({ status: "temperror", outcome: "deferred" });
    assert.ok(!block.some((line) => line.startsWith("policy ")) && block.includes("action 3"), block.join());
  });

  test("names no results that nobody has, no address that nobody has named", () => {
    const bare = { ...record, rua: [], sp: "quarantine" as const, p: "none" as const };
    const block = lines({
      returnDomain: "",
      facts: { dkim: [] },
      detail: { isSpfAligned: true, isDkimAligned: true, record: bare },
    });
    assert.ok(!block.some((line) => /^(?:spf|dkim)\b/.test(line)));
    for (const line of ["mfrom ", "rua -", "p 110", "sp 113", "align_dkim 4", "align_spf 4"]) {
      assert.ok(block.includes(line), line);
    }
  });

  test("is one line for each thing, whatever peers have said", () => {
    const facts = { dkim: [{ result: "pass" as const, domain: "a b\nrua x", selector: "s\r\n" }] };
    const block = lines({ facts, returnDomain: "x\npolicy 15" });
    assert.ok(block.includes("dkim a?b?rua?x s?? 0"));
    assert.ok(block.includes("mfrom x?policy?15"));
  });

  test("says who has sealed it, if that was asked", () => {
    const hops = [
      { domain: "test.ex", selector: "sel", clientAddress: "192.0.2.1" },
      { domain: 'b.ex"]', selector: "s 2" },
    ];
    const arc = { result: "pass" as const, instance: 2, oldestPass: 1, hops };
    const { facts } = checkedMessage(1);
    const lastLines = (changes: object) =>
      historyBlock(checkedMessage(1, changes), "mx.test").trimEnd().split("\n").slice(-2);
    const [first, second] = [
      '"i":1, "d":"test.ex", "s":"sel", "ip":"192.0.2.1"',
      '"i":2, "d":"b.ex??", "s":"s?2", "ip":""',
    ];
    assert.deepEqual(lastLines({ arc: "pass", facts: { ...facts, arc } }), [
      `arc_policy 0 json[ (${first}), (${second}) ]`,
      `arc_policy 0 json:[{${first}}, {${second}}]`,
    ]);
    assert.deepEqual(lastLines({ facts: { ...facts, arc } }), ["arc_policy 1 json[ ]", "arc_policy 1 json:[]"]);
  });
});
