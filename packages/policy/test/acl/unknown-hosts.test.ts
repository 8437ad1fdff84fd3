import assert from "node:assert/strict";
import { test } from "node:test";
import { askRcpt } from "./policy-session.ts";

const NOT_FOUND = "main: no IP address found for host nosuch.invalid (during SMTP connection from CLIENT)";
const NO_NAME = "main: no host name found for IP address 192.0.2.1";

/** What Exim 4.98.2 has written (`-bh`, `log_selector = +unknown_in_list`). */
const rows: readonly (readonly [list: string, isIn: boolean, log: readonly string[]])[] = [
  [
    "*.lookup.test : 192.0.2.1",
    false,
    [NO_NAME, "main: list matching forced to fail: failed to find host name for 192.0.2.1"],
  ],
  [
    "nosuch.invalid : 192.0.2.1",
    false,
    [NOT_FOUND, "main: list matching forced to fail: failed to find IP address for nosuch.invalid"],
  ],
  [
    "!nosuch.invalid : *",
    false,
    [NOT_FOUND, "main: list matching forced to fail: failed to find IP address for nosuch.invalid"],
  ],
  [
    "+include_unknown : nosuch.invalid : *.lookup.test",
    true,
    [NOT_FOUND, "main: failed to find IP address for nosuch.invalid: accepted by +include_unknown"],
  ],
  ["+ignore_unknown : nosuch.invalid : 192.0.2.1", true, [NOT_FOUND]],
];

for (const [list, isIn, want] of rows) {
  test(`hosts = ${list}`, async () => {
    const { said, log } = await askRcpt(`  accept hosts = ${list}\n  deny`);
    assert.equal(said.startsWith("accept"), isIn, said);
    assert.deepEqual(log, want);
  });
}

test("the lines obey their selectors", async () => {
  const asked: (string | undefined)[] = [];
  const hooks = { log: (_: unknown, __: string, about?: { selector?: string }) => void asked.push(about?.selector) };
  await askRcpt("  accept hosts = nosuch.invalid\n  accept hosts = +include_unknown : nosuch.invalid", { hooks });
  assert.deepEqual(asked, ["host_lookup_failed", "unknown_in_list", "host_lookup_failed", undefined]);
});
