import type { JournalEntry } from "./journal-record.ts";

const PAGE_OCTETS = 4_096;
/** Of one step. */
const STEP_ROWS = 250;
const STEP_OCTETS = 1024 * 1024;
/** Pages above the rows, and LMDB's own account of free ones. */
const OVERHEAD_OCTETS = 256 * 1024;

/** What LMDB may need for a row at most: a copy of the page that it is in, and pages of its own if it is large. */
export const pagesFor = (value: JournalEntry["value"]): number => 1 + Math.ceil(octetsOf(value) / PAGE_OCTETS);

/** At most: a character of text has three octets. */
const octetsOf = (value: JournalEntry["value"]): number =>
  value === undefined ? 0 : typeof value === "string" ? 3 * value.length : value.length;

/** Octets of new pages at most, before any that were in use are free again. */
export const roomFor = (pages: number): number => Math.ceil(pages * PAGE_OCTETS * 1.25) + OVERHEAD_OCTETS;

/**
 * Parts of what is to be settled that each need little room, those first that make room. One after the other they may be
 * committed for themselves: until the last of them is, the journal makes up for what is missing.
 */
export function settlingSteps(rows: readonly JournalEntry[]): JournalEntry[][] {
  const inOrder = rows.toSorted((a, b) => a.table - b.table || (a.key < b.key ? -1 : 1));
  const steps: JournalEntry[][] = [];
  for (const isRemoval of [true, false]) {
    let step: JournalEntry[] = [];
    let octets = 0;
    for (const row of inOrder) {
      if ((row.value === undefined) !== isRemoval) continue;
      const length = octetsOf(row.value);
      if (step.length === STEP_ROWS || (step.length > 0 && octets + length > STEP_OCTETS)) {
        steps.push(step);
        step = [];
        octets = 0;
      }
      step.push(row);
      octets += length;
    }
    if (step.length > 0) steps.push(step);
  }
  return steps;
}
