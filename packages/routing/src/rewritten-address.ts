import { hasDomain } from "@postbus/mail";
import type { RoutingRun } from "./routing-run.ts";

/** An address by the rewriting rules, as if a client had given it as a recipient. @throws {DeferError} it cannot be said now. */
export async function rewrittenAddress(
  address: string,
  { settings, evaluation, context }: RoutingRun,
): Promise<string> {
  const { rewriting, qualifyRecipient = "" } = settings;
  if (rewriting === undefined || !hasDomain(address)) return address;
  const around = {
    around: evaluation.around,
    qualifyDomain: qualifyRecipient,
    log: (text: string) => context.warn?.(text),
    rewritten: context.rewritten,
  };
  return (await rewriting.rewrite(address, "T", around))?.address ?? address;
}
