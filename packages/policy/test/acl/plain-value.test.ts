import assert from "node:assert/strict";
import { test } from "node:test";
import { plainValue, withoutKeys } from "../../src/acl/plain-value.ts";

const key = "abcdefghijklmnopqrstuvwxy7";

const rows: readonly [name: string, value: string, want: string | undefined][] = [
  ["domains", "+local_domains : *.example.org", "+local_domains : *.example.org"],
  ["domains", "  +local_domains  ", "+local_domains"],
  ["condition", "${if eq{$acl_m_key}{hunter2}}", "…"],
  ["hosts", "10.0.0.1 : ${lookup pgsql,servers=db/mail/bob/hunter2{SELECT 1}}", "10.0.0.1 : …"],
  ["hosts", "net-pgsql;servers=db/mail/bob/hunter2;SELECT 1", "net-pgsql…"],
  ["hosts", "<; 127.0.0.0/8 ; ::1", "<; 127.0.0.0/8 …"],
  ["dnslists", `${key}.zen.dq.example.net : list.example`, "….zen.dq.example.net : list.example"],
  ["domains", "x".repeat(101), `${"x".repeat(100)}…`],
  ["verify", "", ""],
];
for (const [name, value, want] of rows) {
  test(`${name} = ${value} is shown as ${want}`, () => assert.equal(plainValue(name, false, value), want));
}

test("of modifiers, only controls are shown", () => {
  assert.equal(plainValue("set acl_c_password", true, "hunter2"), undefined);
  assert.equal(plainValue("add_header", true, "X-Key: hunter2"), undefined);
  assert.equal(plainValue("control", true, "fakereject/no"), "fakereject/no");
});

test("a key in a domain is no more than a label", () => {
  assert.equal(withoutKeys(`${key}.a.example: 127.0.0.2`), "….a.example: 127.0.0.2");
  assert.equal(
    withoutKeys("a-very-long-label-of-a-list.example: 127.0.0.2"),
    "a-very-long-label-of-a-list.example: 127.0.0.2",
  );
});
