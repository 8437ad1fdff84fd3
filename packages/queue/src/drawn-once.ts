/** One draw for all recipients of an outcome: what failed together with the same history carries on in one item. */
export function drawnOnce(random: () => number): () => number {
  let drawn: number | undefined;
  return () => (drawn ??= random());
}
