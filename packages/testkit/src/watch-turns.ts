/** How long nobody else in the process had a turn. */
export interface Turns {
  /** @returns milliseconds of the longest turn, as processor time of this thread: what other processes take does not count. */
  stop(): number;
}

/** Begins to look at how long the turns of the event loop are. */
export function watchTurns(): Turns {
  let longestMs = 0;
  let lastMs = threadMs();
  const look = (): void => {
    const nowMs = threadMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, 1);
  return {
    stop() {
      clearInterval(timer);
      look();
      return longestMs;
    },
  };
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
