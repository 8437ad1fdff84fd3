import { Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

/**
 * Tries so many inputs, each from a seed of its own: the first from `seed`.
 *
 * @param onInput Called before each with its seed.
 * @throws {Error} with the seed of the input that has done what must never happen.
 */
export async function tryInputs(
  { name, tryOne }: FuzzTarget,
  seed: number,
  count: number,
  onInput: (seed: number) => void = () => undefined,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const own = (seed + i) % 2 ** 32;
    onInput(own);
    try {
      const done = tryOne(new Chance(own));
      if (done !== undefined) await done;
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${name}: POSTBUS_TEST_SEED=${own} does it again: ${text}`, { cause });
    }
  }
}
