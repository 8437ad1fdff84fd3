import { accepted } from "../accepted.ts";
import { chosenTransport } from "../chosen-transport.ts";
import type { RunDriver } from "../compiled-router.ts";
import { inheritedFrom } from "../inherited-from.ts";

/** Takes every address (Exim's manual, "The accept router"). */
export function compileAccept(): RunDriver {
  return async (attempt) => {
    const inheriting = inheritedFrom(attempt);
    const inherited = inheriting instanceof Promise ? await inheriting : inheriting;
    if ("kind" in inherited) return inherited;
    attempt.address.inherited = inherited;
    if (attempt.router.transport === undefined) return accepted(attempt, undefined);
    const choosing = chosenTransport(attempt, attempt.router.transport);
    const transport = choosing instanceof Promise ? await choosing : choosing;
    return transport.kind === "transport" ? accepted(attempt, transport) : transport;
  };
}
