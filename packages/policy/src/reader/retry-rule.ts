import { trimEnd, trimStart } from "@postbus/mail";
import type { RetryStep } from "@postbus/queue";
import { readTime } from "./option-value.ts";
import type { Place } from "./problem.ts";
import { firstItem } from "./quoted-string.ts";
import { parseRetryError, type RetryError } from "./retry-error.ts";
import { ValueError } from "./value-error.ts";

/** A line of the retry section: what it is for, and when to try again. */
export interface RetryRule {
  readonly place: Place;
  /** An item of an address list, or a host. */
  readonly pattern: string;
  readonly error: RetryError;
  /** An address list that the return path must be in. */
  readonly senders: string | undefined;
  /** None: no further try. */
  readonly steps: readonly RetryStep[];
}

const STEP = /^([FGH]),[\t-\r ]*([0-9wdhms]+),[\t-\r ]*([0-9wdhms]+)(?:,[\t-\r ]*([0-9.]+))?$/i;

/** Reads `PATTERN ERROR [senders=LIST] STEP; STEP…` (Exim's manual, "Format of retry rules"). @throws {ValueError} */
export function parseRetryRule(text: string, place: Place): RetryRule {
  const pattern = firstItem(text);
  const [error = "", rest = ""] = cutAtBlank(pattern.rest);
  if (error === "") throw new ValueError("missing error type in the retry rule");
  const { senders, steps } = takeSenders(rest);
  return { place, pattern: pattern.value, error: parseRetryError(error), senders, steps: parseSteps(steps) };
}

function takeSenders(text: string): { readonly senders: string | undefined; readonly steps: string } {
  if (!text.startsWith("senders")) return { senders: undefined, steps: text };
  const value = trimStart(text.slice("senders".length));
  if (!value.startsWith("=")) throw new ValueError('"=" expected after "senders" in the retry rule');
  const item = firstItem(value.slice(1));
  return { senders: item.value, steps: item.rest };
}

/** `F,cutoff,interval`, `G,cutoff,interval,factor`, `H,cutoff,interval,factor`, separated by semicolons. */
function parseSteps(text: string): readonly RetryStep[] {
  const parts = text.split(";").map((part) => trimEnd(trimStart(part)));
  if (parts.at(-1) === "") parts.pop();
  return parts.map(parseStep);
}

function parseStep(text: string): RetryStep {
  const [, letter = "", cutoff = "", interval = "", factorText] = STEP.exec(text) ?? [];
  if (letter === "") throw new ValueError(`"${text.slice(0, 60)}" is no retry step (like F,2h,15m or G,16h,1h,1.5)`);
  const kind = letter.toUpperCase() as "F" | "G" | "H";
  const cutoffMs = readTime(cutoff);
  const intervalMs = readTime(interval);
  if (cutoffMs === 0 || intervalMs === 0) throw new ValueError(`retry step ${text}: a time above 0s is expected`);
  if ((kind === "F") !== (factorText === undefined)) {
    throw new ValueError(`retry step ${text}: ${kind === "F" ? "F has no factor" : `${kind} needs a factor`}`);
  }
  if (kind === "F") return { kind, cutoffMs, intervalMs };
  // Thousandths, as in Exim; more digits are not seen.
  const factor = Math.trunc(Number(factorText) * 1_000) / 1_000;
  if (!(factor >= 1)) throw new ValueError(`retry step ${text}: the factor must be at least 1`);
  return { kind, cutoffMs, intervalMs, factor };
}

function cutAtBlank(text: string): readonly [string, string] {
  const end = text.search(/[\t-\r ]/);
  return end < 0 ? [text, ""] : [text.slice(0, end), trimStart(text.slice(end))];
}
