/** What comes a moment after the answer, such as a line of the log. @param look Undefined: not yet. */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error("did not come");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
