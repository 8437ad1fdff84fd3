/** Rows by their keys; large values by their length and what they begin with. */
export type Rows = ReadonlyMap<string, string>;
/** An undefined value takes the row out. */
export type Changes = readonly (readonly [key: string, value: string | undefined])[];

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const summary = (value: string): string => `${value.slice(0, 12)}:${value.length}`;

export function changed(rows: Rows, changes: Changes): Map<string, string> {
  const next = new Map(rows);
  for (const [key, value] of changes) {
    if (value === undefined) next.delete(key);
    else next.set(key, summary(value));
  }
  return next;
}

export const sorted = (rows: Rows): [string, string][] => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

/** Some rows come, some go, of thirty; now and then one that is larger than the journal's files. */
export function randomChanges(random: () => number, prefix: string): Changes {
  return Array.from({ length: 1 + Math.floor(random() * 8) }, (_, n) => {
    const key = `key-${Math.floor(random() * 30)}`;
    if (random() < 0.4) return [key, undefined];
    const size = random() < 0.02 ? 5_000_000 : random() < 0.15 ? 700_000 : Math.floor(random() * 6_000);
    return [key, `${prefix}${n} `.padEnd(size, "x")];
  });
}
