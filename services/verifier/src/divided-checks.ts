import { needsMuchWork } from "@postbus/mail-auth";
import type { Checks } from "./checks.ts";

/**
 * Light checks in our thread, heavy ones in others.
 *
 * Measured for 4 KB, CPU of our thread without and with another one: signed message 450 or 100 µs, unsigned 30 or 70,
 * SPF 35 or 45. The way to another thread and back costs 200 to 400 µs in all, and so only signatures, and content too
 * large for its item, are sent there.
 */
export function dividedChecks(light: Checks, heavy: Checks): Checks {
  return {
    spf: (request, signal) => light.spf(request, signal),
    message: (spf, content, signal) =>
      (Buffer.isBuffer(content) && !needsMuchWork(content) ? light : heavy).message(spf, content, signal),
    async stop() {
      await Promise.all([light.stop(), heavy.stop()]);
    },
  };
}
