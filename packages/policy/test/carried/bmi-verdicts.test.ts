import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BmiVerdictOctets, encodeBmiVerdict } from "@postbus/contracts";
import { BmiVerdicts } from "../../src/carried/bmi-verdicts.ts";

const verdicts = (...all: readonly Partial<BmiVerdictOctets>[]): BmiVerdicts =>
  new BmiVerdicts(all.map((some) => encodeBmiVerdict({ v: 1, r: ["a@x", "b@x"], d: "default", f: [], e: 0, ...some })));
const text = (encoded: string | undefined): string => Buffer.from(encoded ?? "", "base64").toString("latin1");

describe("the verdict about a recipient", () => {
  for (const [what, given, deliver, alternateLocation, rules] of [
    ["the usual way", { d: "default", f: [1] }, "default", "", [1]],
    ["nowhere", { d: "drop", f: [5, 8] }, "none", "", [5, 8]],
    ["elsewhere", { d: { alt: "X-Junk: yes" } }, "alternate", "X-Junk: yes", []],
    ["an error", { d: "drop", f: [5], e: 1 }, "default", "", []],
    ["an error elsewhere", { d: { alt: "x" }, f: [5], e: 1 }, "default", "", []],
  ] as const) {
    test(what, () => {
      const found = verdicts({ ...given, f: [...(("f" in given && given.f) || [])] }).of("a@x");
      assert.deepEqual([found?.deliver, found?.alternateLocation, found?.rules], [deliver, alternateLocation, rules]);
    });
  }

  test("is found in any case of letters, of several the first", () => {
    const found = verdicts({ r: ["B@x"], f: [1] }, { r: ["b@X", "c@x"], f: [2] });
    assert.deepEqual([found.of("b@x")?.rules, found.of("C@X")?.rules, found.of("d@x")], [[1], [2], undefined]);
  });

  test("names nobody else", () => {
    const { base64Verdict, base64TrackerVerdict } = verdicts({ d: "drop", f: [8] }).of("A@x") ?? {};
    assert.equal(text(base64Verdict), '{"v":1,"r":["A@x"],"d":"drop","f":[8],"e":0}');
    assert.equal(text(base64TrackerVerdict), '{"f":[8]}');
  });
});

test("what holds for all is there if they do not differ", () => {
  assert.equal(verdicts({ d: "drop" }).ofAll()?.deliver, "none");
  assert.equal(verdicts({ d: "drop" }, { r: ["c@x"] }).ofAll(), undefined);
  assert.equal(new BmiVerdicts([]).ofAll(), undefined);
  assert.equal(new BmiVerdicts(["damaged"]).of("a@x"), undefined);
});
