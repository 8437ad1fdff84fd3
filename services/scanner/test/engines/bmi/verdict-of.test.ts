import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BmiSetup, BmiTest } from "@postbus/contracts";
import type { Findings } from "../../../src/engines/bmi/findings.ts";
import { verdictOf } from "../../../src/engines/bmi/verdict-of.ts";

const clean: Findings = { symbols: [], action: "", isSpam: undefined, score: undefined, malware: "" };
const found = (engines: Readonly<Record<string, Partial<Findings>>>) =>
  new Map(Object.entries(engines).map(([name, some]) => [name, { ...clean, ...some }]));

describe("a rule fires", () => {
  const answers = found({
    rspamd: { symbols: ["BAYES_SPAM", "SPF_ALLOW"], action: "add header", isSpam: false, score: 7.5 },
    clamav: { malware: "Eicar-Signature" },
  });
  const rows: readonly (readonly [what: string, asked: BmiTest, fires: boolean])[] = [
    ["by a symbol", { symbols: ["BAYES_SPAM"] }, true],
    ["by one of several", { symbols: ["X", "SPF_*"] }, true],
    ["not in another case", { symbols: ["bayes_spam"] }, false],
    ["by an action", { actions: ["reject", "add header"] }, true],
    ["not by another action", { actions: ["reject"] }, false],
    ["by a score", { score: 7.5 }, true],
    ["not by a score that is not reached", { score: 7.6 }, false],
    ["by what is no spam", { isSpam: false }, true],
    ["not by what is none", { isSpam: true }, false],
    ["by anything that was found", { malware: ["*"] }, true],
    ["by its name", { malware: ["Win.*", "Eicar-*"] }, true],
    ["not by another name", { malware: ["Win.*"] }, false],
    ["by all that is asked together", { symbols: ["SPF_*"], score: 5 }, true],
    ["not by some of it", { symbols: ["SPF_*"], score: 8 }, false],
    ["not by answers of two engines put together", { symbols: ["SPF_*"], malware: ["*"] }, false],
    ["by the engine that is meant", { engines: ["clamav"], malware: ["*"] }, true],
    ["not by another engine", { engines: ["other"], malware: ["*"] }, false],
  ];
  for (const [what, asked, fires] of rows) {
    test(what, () => {
      const rules = [{ number: 3, test: asked }];
      const verdict = verdictOf({ rules, destinations: [] }, "default", answers);
      assert.deepEqual(verdict, { d: "default", f: fires ? [3] : [] });
    });
  }

  test("not for another profile; who has not answered has said nothing", () => {
    const rules = [{ number: 3, profiles: ["strict"], test: { score: 1 } }];
    assert.deepEqual(verdictOf({ rules, destinations: [] }, "default", answers).f, []);
    assert.deepEqual(verdictOf({ rules, destinations: [] }, "strict", answers).f, [3]);
    assert.deepEqual(verdictOf({ rules, destinations: [] }, "strict", new Map()).f, []);
  });
});

describe("a destination", () => {
  const setup: Pick<BmiSetup, "rules" | "destinations"> = {
    rules: [
      { number: 8, test: { symbols: ["A"] } },
      { number: 5, test: { symbols: ["A", "B"] } },
    ],
    destinations: [
      { name: "mine", profiles: ["mine"], to: "default" },
      { name: "bad", rules: [8, 9], to: "drop" },
      { name: "junk", rules: [5], test: { actions: ["reject"] }, to: { alt: "X: y" } },
    ],
  };
  for (const [what, profile, symbols, action, d, f] of [
    ["is the first that applies", "default", ["A"], "reject", "drop", [5, 8]],
    ["wants a rule and an answer", "default", ["B"], "reject", { alt: "X: y" }, [5]],
    ["is the usual one if none applies", "default", ["B"], "no action", "default", [5]],
    ["may be the usual one for a profile, before others", "mine", ["A"], "reject", "default", [5, 8]],
  ] as const) {
    test(what, () => {
      assert.deepEqual(verdictOf(setup, profile, found({ one: { symbols, action } })), { d, f });
    });
  }
});
