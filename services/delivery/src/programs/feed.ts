import { once } from "node:events";
import type { Program } from "./start-program.ts";

/**
 * Gives a program its input, as fast as it takes it. One that closes its input, or ends, has had enough.
 *
 * @param onProgress It has taken something.
 * @throws what reading the input throws.
 */
export async function feed(
  { stdin }: Program,
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
  // Later errors of the same socket have nothing to add.
  stdin.on("error", () => {});
  for await (const piece of input) {
    if (isOver) return;
    if (piece.length === 0) continue;
    // A copy: the piece is only ours until the next one is asked for.
    if (!stdin.write(Buffer.from(piece))) await Promise.race([once(stdin, "drain").catch(() => {}), over]);
    onProgress();
  }
  if (isOver) return;
  stdin.end();
  // All of it has left us.
  await Promise.race([once(stdin, "finish").catch(() => {}), over]);
}
