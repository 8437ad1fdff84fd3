/** A check's end, however it comes: its time is over, or nobody waits for it any more. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Settles never, or rejects with `TimeUpError` when the signal is aborted. */
  readonly timeUp: Promise<never>;
  /** What is still asked is given up. */
  stop(): void;
}

export class TimeUpError extends Error {
  override readonly name = "TimeUpError";
}

/** What `work` comes to, or `late` if it takes longer; it may go on, and nobody hears of it. */
export async function within<T, L>(work: Promise<T>, ms: number, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<L>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
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
      controller.abort();
    },
  };
}
