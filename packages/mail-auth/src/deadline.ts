/** A check's end, however it comes: its time is over, or nobody waits for it any more. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Settles never, or rejects with `TimeUpError` when the signal is aborted. */
  readonly timeUp: Promise<never>;
  stop(): void;
}

export class TimeUpError extends Error {
  override readonly name = "TimeUpError";
}

/** @param outer The asker's signal. */
export function startDeadline(timeoutMs: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  // Whoever races against it may have been faster.
  timeUp.catch(() => undefined);
  const end = (): void => {
    controller.abort();
    reject(new TimeUpError("time is up"));
  };
  const timer = setTimeout(end, timeoutMs);
  outer?.addEventListener("abort", end, { once: true });
  if (outer?.aborted === true) end();
  return {
    signal: controller.signal,
    timeUp,
    stop() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", end);
    },
  };
}
