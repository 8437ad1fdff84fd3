import type { pipeTransport } from "../../../options/transports/pipe.ts";
import type { VariableTest } from "../../../policy.ts";
import type { OptionSet } from "../../../reader/option-set.ts";

/** Recipients of one item at most, whatever `batch_max` says: a program gets all of them as words of one command. */
const MAX_BATCH = 1_000;

/**
 * How many addresses of one domain are delivered to at one time: `batch_max` (Exim's manual, "The pipe transport" and others). One
 * that uses the local part has one at a time; so has one with a `batch_id`, which would tell apart those that belong together: to
 * deliver them one by one is never wrong.
 */
export function batchSize(
  options: Pick<OptionSet<Pick<(typeof pipeTransport)["options"], "batch_max" | "batch_id">>, "get">,
  isNamed: VariableTest,
): number {
  if (isNamed("local_part") || options.get("batch_id")?.includes("$") === true) return 1;
  return Math.min(Math.max(options.get("batch_max"), 1), MAX_BATCH);
}
