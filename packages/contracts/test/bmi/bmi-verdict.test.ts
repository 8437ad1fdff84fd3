import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bmiVerdictsAbout, decodeBmiVerdict, encodeBmiTracker, encodeBmiVerdict } from "../../src/index.ts";

const text = (encoded: string): string => Buffer.from(encoded, "base64").toString("latin1");

describe("a verdict", () => {
  const verdict = { v: 1, r: ["A@x", "\xc3\xbc@x"], d: { alt: "X-Junk: yes" }, f: [5, 8], e: 0 } as const;
  const encoded = encodeBmiVerdict({ ...verdict, r: [...verdict.r], f: [...verdict.f] });

  test("is compact JSON in base64 on one line", () => {
    assert.equal(text(encoded), '{"v":1,"r":["A@x","\xc3\xbc@x"],"d":{"alt":"X-Junk: yes"},"f":[5,8],"e":0}');
    assert.match(encoded, /^[A-Za-z0-9+/=]+$/);
    assert.deepEqual(decodeBmiVerdict(encoded), verdict);
  });

  test("is known by its rules alone, too", () => assert.equal(text(encodeBmiTracker(verdict as never)), '{"f":[5,8]}'));

  test("of another form is none", () => {
    for (const other of [
      "",
      "!",
      "eyJ2IjoxfQ==",
      Buffer.from('{"v":2,"r":[],"d":"drop","f":[],"e":0}').toString("base64"),
    ]) {
      assert.equal(decodeBmiVerdict(other), undefined, other);
    }
  });
});

test("an item for some of the recipients has the verdicts about them, and about those they come from", () => {
  const one = encodeBmiVerdict({ v: 1, r: ["A@x", "b@x", "c@x"], d: "drop", f: [], e: 0 });
  const two = encodeBmiVerdict({ v: 1, r: ["d@x"], d: "default", f: [1], e: 0 });
  const about = bmiVerdictsAbout(
    [one, two],
    [{ address: "a@X" }, { address: "z@z", origin: { parents: ["y@y", "B@x"] } }],
  );
  assert.deepEqual(about.map(decodeBmiVerdict), [{ v: 1, r: ["A@x", "b@x"], d: "drop", f: [], e: 0 }]);
  const all = ["a@x", "b@x", "c@x", "d@x"].map((address) => ({ address }));
  assert.deepEqual(bmiVerdictsAbout([one, two], all), [one, two]);
  assert.deepEqual(bmiVerdictsAbout([one, "damaged"], [{ address: "d@x" }]), []);
});
