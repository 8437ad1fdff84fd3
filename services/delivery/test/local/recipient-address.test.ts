import assert from "node:assert/strict";
import { test } from "node:test";
import { recipientAddress } from "../../src/local/recipient-address.ts";

const rows: readonly [string, string, Record<string, string | { tainted: string }> | undefined, boolean, string][] = [
  ["without affixes, as it is", "U@d.test", { local_part: "u" }, false, "U@d.test"],
  ["without variables, as it is", "u+x@d.test", undefined, false, "u+x@d.test"],
  ["a suffix is cut", "U+x@d.test", { local_part_suffix: { tainted: "+x" } }, false, "U@d.test"],
  ["a prefix is cut", "owner-u@d.test", { local_part_prefix: "owner-" }, false, "u@d.test"],
  [
    "unless both are wanted",
    "a-u+x@d.test",
    { local_part_prefix: "a-", local_part_suffix: "+x" },
    true,
    "a-u+x@d.test",
  ],
  ["nothing would be left", "+x@d.test", { local_part_suffix: "+x" }, false, "+x@d.test"],
];

for (const [name, address, variables, includesAffixes, expected] of rows) {
  test(`a recipient in an envelope: ${name}`, () => {
    const addressVariables = variables === undefined ? {} : { addressVariables: [variables] };
    assert.equal(recipientAddress({ recipients: [{ address }], ...addressVariables }, 0, includesAffixes), expected);
  });
}
