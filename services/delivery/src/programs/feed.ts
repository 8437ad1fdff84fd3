import type { Program } from "./start-program.ts";

/**
 * Gives a program its input, as fast as it takes it. One that closes its input, or ends, has had enough.
 *
 * @param onProgress It has taken something.
 * @throws what reading the input throws.
 */
export async function feed(
  { input: stdin }: Pick<Program, "input">,
  input: Iterable<Buffer> | AsyncIterable<Buffer>,
  onProgress: () => void,
): Promise<void> {
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true;
      resolve();
    };
    // EPIPE, ECONNRESET: nobody reads.
    stdin.once("error", end);
    stdin.once("close", end);
  });
  // Later errors of the same stream have nothing to add.
  stdin.on("error", () => {});
  for await (const piece of input) {
    if (isOver) return;
    if (piece.length === 0) continue;
    // A copy: the piece is only ours until the next one is asked for. One piece at a time: it has been taken when it has left us.
    const taken = new Promise<void>((resolve) => stdin.write(Buffer.from(piece), () => resolve()));
    await Promise.race([taken, over]);
    onProgress();
  }
  // Nothing waits to be written: this is the end of the program's input.
  stdin.destroy();
}
