/** Warnings that are due for a message of some age. */
export interface DueWarnings {
  /** How many, all in all. */
  readonly count: number;
  /** Of the last of them: the age at which it was due. */
  readonly delayMs: number;
}

/**
 * How many warnings a sender should have had by now (Exim's manual, `delay_warning`): one for each age in the list, then one
 * for each further gap as long as the last.
 *
 * @param schedule Ages, ascending.
 */
export function dueWarnings(schedule: readonly number[], ageMs: number): DueWarnings {
  const count = schedule.findIndex((at) => ageMs < at);
  if (count >= 0) return { count, delayMs: schedule[count - 1] ?? 0 };
  const last = schedule.at(-1) ?? 0;
  const gap = last - (schedule.at(-2) ?? 0);
  if (gap <= 0) return { count: schedule.length, delayMs: last };
  const extra = Math.floor((ageMs - last) / gap);
  return { count: schedule.length + extra, delayMs: last + extra * gap };
}

/** As Exim writes it: minutes below two hours. */
export function delayText(delayMs: number): string {
  const minutes = Math.floor(delayMs / 60_000);
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
}
