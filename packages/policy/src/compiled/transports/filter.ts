import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { transportOptions } from "../../options/transports/generic.ts";
import type { OptionSet } from "../../reader/option-set.ts";
import type { FilterOrder, FilterRequest } from "./filter-order.ts";
import { compilePlace } from "./local/delivery-place.ts";
import { deferredBy, type Refusal } from "./local/refusal.ts";
import { CommandOption } from "./pipe/command-line.ts";

/** A program that every message of a transport goes through. */
export interface CompiledFilter {
  /** Of the options, for what they may name. */
  readonly sources: readonly string[];
  at(variables: Variables, request: FilterRequest): Promise<FilterOrder | Refusal>;
}

/** Exim's number for an error of its own making. */
const NO_ERRNO = -1;

/**
 * `transport_filter`, `transport_filter_timeout` (Exim's manual, "Generic options for transports"): the program is started as the
 * user of the delivery, without a shell and with nothing in its environment.
 *
 * @param kind Of the transport: Exim names one to other hosts in problems.
 * @returns undefined: there is none.
 */
export function compileFilter(
  { name, kind }: { readonly name: string; readonly kind: string },
  options: Pick<OptionSet<typeof transportOptions>, "get">,
  shared: SharedSurroundings,
): CompiledFilter | undefined {
  const text = options.get("transport_filter")?.trim();
  if (text === undefined || text === "") return undefined;
  const command = new CommandOption(text, kind === "smtp" ? `${name} transport filter` : "transport filter");
  const place = compilePlace(name, options, shared);
  const timeoutMs = options.get("transport_filter_timeout");
  return {
    sources: [text, ...place.sources],
    async at(variables, request) {
      const found = await place.at(variables, { transport_name: name }, request);
      if (found.kind === "refused") return found;
      const evaluation = createEvaluation({ ...shared, variables: found.variables });
      const line = await command.at(evaluation, { addresses: request.addresses, pipe: undefined });
      if (line.kind === "refused") return line.outcome === "failed" ? line : { ...line, errno: NO_ERRNO };
      const [program = "", ...more] = line.words;
      if (program === "") return deferredBy(`no command in transport filter of ${name} transport`, NO_ERRNO);
      return { kind: "filter", words: [program, ...more], timeoutMs, place: found.place };
    },
  };
}

/** What a transport has of it. @param variables Of a recipient. */
export const filterOf = (
  filter: CompiledFilter | undefined,
  variables: (recipient: string) => Variables,
): { readonly filter?: (request: FilterRequest) => Promise<FilterOrder | Refusal> } =>
  filter === undefined ? {} : { filter: (request) => filter.at(variables(request.addresses[0] ?? ""), request) };
