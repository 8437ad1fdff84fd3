import type { RetryStep } from "@postbus/queue";
import { ValueError } from "../config/problems.ts";
import { plain, time } from "../config/values.ts";

/** `F,2h,15m; G,16h,1h,1.5; F,4d,6h`; without steps the first failure is final (Exim specification, "Retry rules"). */
export function parseRetryRule(text: string): RetryStep[] {
  return plain(text)
    .split(";")
    .map((step) => step.trim())
    .filter((step) => step !== "")
    .map(parseStep);
}

function parseStep(text: string): RetryStep {
  const [kind, cutoff = "", interval, factor, ...more] = text.split(",").map((part) => part.trim());
  const isF = kind === "F";
  const isComplete = interval !== undefined && more.length === 0 && isF === (factor === undefined);
  if ((!isF && kind !== "G" && kind !== "H") || !isComplete) {
    throw new ValueError(`F,<cutoff>,<interval>, or G or H,<cutoff>,<interval>,<factor> is expected, not "${text}"`);
  }
  const cutoffMs = time(cutoff);
  const intervalMs = time(interval);
  // A recipient that is tried again at once, for ever, would do nothing else.
  if (intervalMs === 0) throw new ValueError(`the interval of "${text}" must be above 0s`);
  if (kind === "F") return { kind, cutoffMs, intervalMs };
  if (factor === undefined || !/^[0-9]+(?:\.[0-9]{1,3})?$/.test(factor) || Number(factor) < 1) {
    throw new ValueError(`the factor of "${text}" must be 1 or more, with 3 decimals at most`);
  }
  return { kind, cutoffMs, intervalMs, factor: Number(factor) };
}
