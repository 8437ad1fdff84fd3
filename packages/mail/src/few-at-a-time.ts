/** What becomes of each, in their order; so many are worked on at one time. @throws what the first one throws: no more are begun. */
export async function fewAtATime<T, R>(all: readonly T[], most: number, work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = new Array(all.length);
  const left = all.entries();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const [i, one] of left) {
      if (hasFailed) return;
      try {
        done[i] = await work(one);
      } catch (err) {
        hasFailed = true;
        throw err;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, all.length) }, worker));
  return done;
}
