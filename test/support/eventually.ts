/** Nothing takes so long when it works, but on a machine that has other things to do. */
const DEADLINE_MS = 60_000;

/** What comes a moment after the answer, such as a line of the log. @param look Undefined: not yet. */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error("did not come");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
