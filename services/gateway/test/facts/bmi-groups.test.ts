import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BmiProfile, type BmiTask, decodeBmiVerdict, encodeBmiVerdict, groupByProfile } from "@postbus/contracts";
import { BmiGroups } from "../../src/facts/bmi-groups.ts";

const MANY = 50_000;
const setup = (profiles: BmiProfile[]) => ({ engines: [], profiles, rules: [], destinations: [] });
const profiles = (count: number): BmiProfile[] =>
  Array.from({ length: count }, (_, i) => ({ name: `p${i}`, optin: [`for-p${i}`], settings: `s${i}` }));
const recipients = (count: number, optin: (i: number) => string[]): BmiTask["recipients"] =>
  Array.from({ length: count }, (_, i) => ({ address: `u${i}@example.org`, optin: optin(i) }));

/** What a scanner makes of a task: a verdict for each profile, named by its settings. */
function scanned({ setup: asked, recipients: about }: BmiTask): string[] {
  return groupByProfile(asked, about).groups.map(({ profile, recipients: r }) =>
    encodeBmiVerdict({ v: 1, r, d: { alt: profile.settings ?? "none" }, f: [], e: 0 }),
  );
}

describe("recipients of a message", () => {
  test("are one question, though each of 50,000 has opted in with strings of its own", () => {
    const groups = new BmiGroups(
      setup(profiles(5)),
      recipients(MANY, (i) => [`own-${i}`, `for-p${i % 7}`]),
    );
    const task = groups.task();
    assert.equal(task.setup.profiles.length, 6);
    assert.ok(JSON.stringify(task).length < 200 * 1024, "it fits into a message of the bus");
    assert.equal(groups.unknown.length, 10);
    const settings = new Map<string, string>();
    for (const verdict of groups.expanded(scanned(task)).map(decodeBmiVerdict)) {
      for (const address of verdict?.r ?? []) {
        assert.ok(!settings.has(address), `${address} is in two verdicts`);
        settings.set(address, typeof verdict?.d === "object" ? verdict.d.alt : "");
      }
    }
    assert.equal(settings.size, MANY);
    for (let i = 0; i < MANY; i++) assert.equal(settings.get(`u${i}@example.org`), i % 7 < 5 ? `s${i % 7}` : "none");
  });

  test("are all named where there is room, and the verdicts are as they came", () => {
    const groups = new BmiGroups(
      setup(profiles(2)),
      recipients(1_000, (i) => [`for-p${i % 3}`]),
    );
    const task = groups.task();
    assert.equal(task.recipients.length, 1_000);
    const verdicts = scanned(task);
    assert.equal(groups.expanded(verdicts), verdicts);
  });

  test("have at least one of each profile named", () => {
    const long = "x".repeat(250);
    const about = recipients(256, (i) => [`for-p${i}`]).flatMap(({ address, optin }) => [
      ...["a", "b", "c", "d"].map((name) => ({ address: `${name}${long}-${address}`, optin })),
    ]);
    const task = new BmiGroups(setup(profiles(256)), about).task();
    assert.equal(new Set(task.recipients.flatMap(({ optin }) => optin)).size, 256);
  });

  test("may want 256 ways of looking at it, and no more", () => {
    const about = (count: number) => recipients(count, (i) => [`for-p${i}`]);
    assert.equal(new BmiGroups(setup(profiles(300)), about(256)).task().setup.profiles.length, 256);
    assert.throws(
      () => new BmiGroups(setup(profiles(300)), about(257)),
      /257 profiles for one message \(at most 256\)/,
    );
  });
});
