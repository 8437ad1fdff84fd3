import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** How long a delivery on this machine may take when other tests run beside it. */
const DEADLINE_MS = 60_000;

/** Resolves with the messages of a Maildir's `new` when there are `count` of them. */
export async function messagesIn(maildir: string, count = 1): Promise<readonly string[]> {
  const dir = join(maildir, "new");
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const names = await readdir(dir).catch(() => []); // Made with the first delivery.
    if (names.length >= count) {
      return Promise.all(names.map((name) => readFile(join(dir, name), "latin1")));
    }
    if (performance.now() > end) throw new Error(`${dir} has ${names.length} of ${count} messages`);
    await delay(20);
  }
}
