import { DeferError } from "@postbus/mail";
import type { Refusal } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import { systemError } from "../system-error.ts";
import { LocalError } from "./local-error.ts";

/** Exim's number for an error of its own making. */
const NO_ERRNO = -1;

/** What a refusal of the transport's options means for a recipient. */
export const refused = ({ outcome, errno, text }: Refusal): AttemptResult =>
  outcome === "failed" ? { outcome, text } : { outcome, errno, text };

/**
 * What an error means for the recipients of a local delivery.
 *
 * @param doing What was being tried.
 * @throws what is neither the operating system's nor a deferral: a bug, or a lost lease.
 */
export function deferredBy(err: unknown, doing: string): AttemptResult {
  if (err instanceof LocalError) return { outcome: "deferred", errno: err.errno, text: err.message };
  if (err instanceof DeferError) return { outcome: "deferred", errno: NO_ERRNO, text: err.message };
  const found = systemError(err);
  if (found === undefined) throw err;
  return { outcome: "deferred", errno: found.errno, text: doing };
}
