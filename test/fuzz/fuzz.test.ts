import { describe, test } from "node:test";
import { chosenSeed } from "../support/seeded-random.ts";
import { targets } from "./targets.ts";
import { tryInputs } from "./try-inputs.ts";

describe("generated inputs are answered in order, without an escape", () => {
  const seed = chosenSeed();
  for (const target of targets) {
    test(`${target.name}: ${target.shortCount} of them, from seed ${seed}`, () =>
      tryInputs(target, seed, target.shortCount));
  }
});
