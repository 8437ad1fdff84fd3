import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readDnslistItem } from "../../src/acl/conditions/dnslist-item.ts";
import { askRcpt } from "./policy-session.ts";

const zone = {
  "A 1.2.0.192.bl.example": ["127.0.0.2", "127.0.0.6"],
  "TXT 1.2.0.192.bl.example": ["listed, sorry"],
  "A 1.2.0.192.all.example": ["127.0.0.4"],
  "A 1.2.0.192.parked.example": ["198.51.100.1"],
  "A 1.2.0.192.mixed.example": ["10.0.0.7", "127.0.0.2"],
  "A 1.2.0.192.slow.example": "defer",
  "A out.example.rhs.example": ["127.0.0.3"],
  "TXT out.example.rhs.example": "defer",
  "A 9.9.0.192.bl.example": ["127.0.0.9"],
} as const;

const rows: readonly [list: string, said: string][] = [
  ["bl.example", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["none.example", "accept"],
  ["none.example : bl.example", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example=127.0.0.2", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example=127.0.0.3,127.0.0.6", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example=127.0.0.3", "accept"],
  ["bl.example==127.0.0.2", "accept"],
  ["bl.example==127.0.0.2,127.0.0.6", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example!=127.0.0.3", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example!=127.0.0.2", "accept"],
  ["bl.example!==127.0.0.2", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example&0.0.0.4", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example&0.0.0.1", "accept"],
  ["bl.example=&0.0.0.2", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example=&0.0.0.4", "accept"],
  ["bl.example!&0.0.0.1", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example,all.example", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["bl.example,all.example=127.0.0.9", "accept"],
  ["rhs.example/$sender_address_domain", "550 rhs.example out.example 127.0.0.3"],
  ["bl.example/192.0.9.9", "550 bl.example 192.0.9.9 127.0.0.9"],
  ["bl.example/<|other|192.0.9.9", "550 bl.example 192.0.9.9 127.0.0.9"],
  ["parked.example", "accept"],
  ["slow.example", "accept"],
  ["+include_unknown : slow.example", "550 slow.example 192.0.2.1"],
  ["+defer_unknown : slow.example", "451 Temporary local problem - please try later"],
  ["+defer_unknown : +exclude_unknown : slow.example", "accept"],
  // As Exim 4.98 has it with a real name server.
  ["! : !bl.example : bl.example!", "accept"],
  ["bl.example=x", "accept"],
  ["bl.example=127.0.0", "accept"],
  ["bl.example&", "accept"],
  ["bl.example!=x", "550 bl.example 192.0.2.1 127.0.0.2, 127.0.0.6 listed, sorry"],
  ["parked.example=198.51.100.1", "550 parked.example 192.0.2.1 198.51.100.1"],
  ["parked.example!=127.0.0.2", "550 parked.example 192.0.2.1 198.51.100.1"],
  ["mixed.example", "550 mixed.example 192.0.2.1 10.0.0.7, 127.0.0.2"],
  ["mixed.example==127.0.0.2", "accept"],
];

describe("dnslists", () => {
  for (const [list, wanted] of rows) {
    test(list, async () => {
      const { said } = await askRcpt(
        `  deny dnslists = ${list}\n    message = $dnslist_domain $dnslist_matched $dnslist_value $dnslist_text\n  accept`,
        { zone },
      );
      assert.equal(said, wanted);
    });
  }

  const told: readonly [words: string, what: string][] = [
    ["", "assumed not in list"],
    ["+include_unknown : ", "assumed in list"],
    ["+defer_unknown : ", "returned DEFER"],
  ];
  for (const [words, what] of told) {
    test(`a list that the DNS does not tell is told of, if that is selected: ${what}`, async () => {
      const lines: unknown[] = [];
      const log = (...line: unknown[]) => lines.push(line);
      await askRcpt(`  deny dnslists = ${words}slow.example\n  accept`, { zone, hooks: { log } });
      const text = `DNS list lookup defer (probably timeout) for 1.2.0.192.slow.example: ${what}`;
      assert.deepEqual(lines[0], [["main"], text, { selector: "dnslist_defer" }]);
    });
  }

  test("a client without an address is in no list", async () => {
    assert.equal((await askRcpt("  deny dnslists = bl.example\n  accept", { zone, address: "" })).said, "accept");
  });

  test("asks a bounded number of questions, however many keys a peer gives", async () => {
    const { said } = await askRcpt(
      "  deny dnslists = bl.example/${sg{${base64:${base64:${base64:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}}}}{.}{a:}}\n  accept",
      { zone },
    );
    assert.match(said, /^451/);
  });

  test("what is no item is left out", () => {
    for (const text of ["", "=127.0.0.2", "a!b", "!a"]) assert.equal(readDnslistItem(text), undefined, text);
  });
});
