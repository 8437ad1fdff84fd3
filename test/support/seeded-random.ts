/** A repeatable source of chance (mulberry32); the seed is printed so that a failure can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** POSTBUS_TEST_SEED, or a new one. */
export const chosenSeed = (): number => Number(process.env["POSTBUS_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** For ever: every member once in a random order, then again in another. */
export function* inTurn<T>(members: readonly T[], random: () => number): Generator<T, never> {
  for (;;) {
    const left = [...members];
    while (left.length > 0) yield* left.splice(Math.floor(random() * left.length), 1);
  }
}
