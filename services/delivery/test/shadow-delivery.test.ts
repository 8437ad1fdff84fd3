import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MessageVariables } from "@postbus/policy";
import type { Attempt, AttemptReport } from "../src/attempt.ts";
import { withShadow } from "../src/shadow-delivery.ts";
import { LocalRig, localItem } from "./local/local-rig.ts";
import { inline } from "./smtp/rig.ts";

const attempt: Attempt = {
  work: { id: "i", handedOut: 1, isHeld: () => true, signal: new AbortController().signal },
  item: localItem("t", ["a@d.test", "b@d.test", "c@d.test"]),
  content: inline("A: b\r\n\r\n"),
};
const report: AttemptReport = {
  results: [{ outcome: "delivered" }, { outcome: "failed", text: "no" }, { outcome: "delivered" }],
  notes: ["first"],
};

const shadowed = async (options: string, deliver: (attempt: Attempt) => Promise<AttemptReport>) => {
  await using rig = await LocalRig.start(
    `t:\n  driver = pipe\n  command = /bin/true\n  shadow_transport = s\n${options}s:\n  driver = pipe\n  command = /bin/x $address_data\n`,
  );
  const { shadow, variables } = rig.policy.transport("t");
  assert.ok(shadow !== undefined);
  assert.ok(variables?.("address_data"), "the shadow's variables are carried");
  return withShadow(attempt, report, shadow, (address) => new MessageVariables(attempt.item, address), deliver);
};

describe("a shadow delivery", () => {
  test("is made for those who have got the message, and only logged", async () => {
    const { results, notes } = await shadowed("", async ({ item, work }) => {
      assert.deepEqual(item.recipients, [{ address: "a@d.test" }, { address: "c@d.test" }]);
      assert.equal(item.transport, "s");
      assert.notEqual(work.id, "i");
      return {
        results: [{ outcome: "delivered" }, { outcome: "deferred", errno: 0, text: "later" }],
        notes: ["second"],
      };
    });
    assert.deepEqual(results, [
      { outcome: "delivered", shadow: "s" },
      { outcome: "failed", text: "no" },
      { outcome: "delivered", shadow: "s (later)" },
    ]);
    assert.deepEqual(notes, ["first", "second"]);
  });

  test("is made where shadow_condition holds", async () => {
    const { results } = await shadowed("  shadow_condition = ${if eq{$local_part}{c}}\n", async ({ item }) => {
      assert.deepEqual(item.recipients, [{ address: "c@d.test" }]);
      return { results: [{ outcome: "delivered" }], notes: [] };
    });
    assert.deepEqual(results, [
      { outcome: "delivered" },
      { outcome: "failed", text: "no" },
      { outcome: "delivered", shadow: "s" },
    ]);
  });

  for (const condition of ["no", "0", "false", "${bad", "${if eq{a}{b}{x}fail}"]) {
    test(`is not made with shadow_condition = ${condition}`, async () => {
      const same = await shadowed(`  shadow_condition = ${condition}\n`, () => assert.fail("was made"));
      assert.equal(same, report);
    });
  }
});
