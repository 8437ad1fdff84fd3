import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the ports that Linux gives to outgoing connections (32768 and up): one of those could take it in between. */
const FIRST = 20_000;
const LAST = 32_000;

/** Ports given out by this process are not given out again: their servers may be between two starts. */
const given = new Set<number>();

/**
 * A TCP port on the loopback interface that was free a moment ago. For servers that cannot be told "any port" and
 * must come back on the same one after a kill; everything else listens on port 0.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
