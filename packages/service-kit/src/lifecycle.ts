import type { Logger } from "pino";
import { EX_SOFTWARE } from "./exit-code.ts";
import type { Part } from "./service.ts";

/** A terminal signals the whole process group and npm passes the signal on once more: within this time it is one wish. */
const SAME_WISH_MS = 1_000;

/**
 * Aborts with the first SIGTERM or SIGINT; its reason is the signal's name. A second one, later than `SAME_WISH_MS`,
 * ends the process at once: somebody is tired of waiting, and the bus hands out again what was in work.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    firstAtMs ??= performance.now();
    if (!controller.signal.aborted) controller.abort(signal);
    else if (performance.now() - firstAtMs > SAME_WISH_MS) process.exit(1);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return controller.signal;
}

/** A daemon's SIGHUP asks for the configuration to be read again; by default it would end the process, and mail with it. */
export function outliveHangUp(log: Logger): void {
  process.on("SIGHUP", () => {
    log.info("SIGHUP: services that have a policy read it again");
  });
}

/** Resolves when it is aborted. A signal handler does not keep a process alive: a listener or the bus must be open. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * After an exception that nobody caught, nothing in memory can be trusted; everything that matters is on the bus. So:
 * say it and end. The supervisor starts the process again, the bus hands out again what was in work.
 */
export function endOnBugs(log: Logger): void {
  const end = (err: unknown): void => {
    log.fatal({ err }, "uncaught exception");
    process.exit(EX_SOFTWARE);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

/**
 * Stops parts in reverse order of starting: first what takes work in (consumer, listener), last what the others
 * lean on (spool, bus). A part that fails or runs out of time does not keep the next from being stopped.
 *
 * @param graceMs For all parts together; less than the orchestrator's own patience (Kubernetes: 30 s).
 * @returns Exit code: 0 if all stopped in time, else 1. What was cut off, the bus hands out again.
 */
export async function stopAll(parts: readonly Part[], graceMs: number, log: Logger): Promise<0 | 1> {
  const deadline = deadlineOf(graceMs);
  let exitCode: 0 | 1 = 0;
  for (const part of parts.toReversed()) {
    try {
      await Promise.race([part.stop(), deadline.passed]);
    } catch (err) {
      exitCode = 1;
      log.error({ err, part: part.name }, "did not stop");
    }
  }
  deadline.clear();
  return exitCode;
}

/** A real timer, not `AbortSignal.timeout`: that one does not keep the process alive, and it would end in the middle. */
function deadlineOf(graceMs: number): { readonly passed: Promise<never>; clear(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  // Nobody may be waiting for it when it fires.
  promise.catch(() => undefined);
  const timer = setTimeout(() => reject(new Error(`not stopped within ${graceMs} ms`)), graceMs);
  return { passed: promise, clear: () => clearTimeout(timer) };
}
