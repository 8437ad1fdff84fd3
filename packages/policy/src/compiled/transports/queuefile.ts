import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../policy.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import type { QueuefileTransport } from "./queuefile-transport.ts";
import { variablesIn } from "./variables-in.ts";

type Settings = Extract<TransportSettings, { kind: "queuefile" }>;

/** Exim reads no more recipients of a spool file. */
const MAX_RECIPIENTS = 16_384;

/** A transport into a spool directory of Exim. Generic options have no meaning for it, as in Exim. */
export function compileQueuefile(
  { name, place, options }: Settings,
  shared: SharedSurroundings,
  problems: ProblemList,
): CompiledTransport {
  const directory = compileExpansion(options.get("directory") ?? "");
  if (directory.constant !== undefined && !`${directory.constant}`.startsWith("/")) {
    problems.error(place, `transport ${name}: directory: "${directory.constant}" is not absolute`);
  }
  return {
    name,
    driver: "queuefile",
    maxRcpt: MAX_RECIPIENTS,
    hasOwnHosts: true,
    variables: directory.constant === undefined ? variablesIn([directory.source]) : undefined,
    at: (variables): QueuefileTransport => ({
      driver: "queuefile",
      name,
      hasShortNames: options.get("short_names"),
      directory: (address) => directory.run(createEvaluation({ ...shared, variables: variables(address) })),
    }),
  };
}
