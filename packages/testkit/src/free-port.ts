import { createServer } from "node:net";

/**
 * A TCP port on the loopback interface that was free a moment ago. For servers that cannot be told "any port" and
 * must come back on the same one after a kill; everything else listens on port 0.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close((err) => (err === undefined ? resolve(port) : reject(err)));
    });
  });
}
