import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { Evaluation } from "../../../expansion/evaluation.ts";
import { textOf } from "../../../expansion/value.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../../policy.ts";
import type { TransportSettings } from "../../../reader/configuration.ts";
import { compileFilter, filterOf } from "../filter.ts";
import { batchSize } from "../local/batch-size.ts";
import { compilePlace, ROUTED_PLACE } from "../local/delivery-place.ts";
import { deferredBy, expandOption, type Refusal } from "../local/refusal.ts";
import type { SiteNames } from "../local/site-names.ts";
import { compileMessageOptions } from "../message-options.ts";
import { CommandOption } from "../pipe/command-line.ts";
import { variablesIn } from "../variables-in.ts";
import type { LmtpServer } from "./lmtp-transport.ts";

type Settings = Extract<TransportSettings, { kind: "lmtp" }>;

/** Exim's number for an error of its own making. */
const NO_ERRNO = -1;
/** What cuts an address down to what stands between its affixes. */
const AFFIXES = ["local_part_prefix", "local_part_suffix"];
const ALWAYS = [...AFFIXES, ...ROUTED_PLACE];

/** A transport to an LMTP server on this machine. */
export function compileLmtp(
  { name, options }: Settings,
  names: SiteNames,
  shared: SharedSurroundings,
): CompiledTransport {
  const message = compileMessageOptions(options, shared, names);
  const filter = compileFilter({ name, kind: "lmtp" }, options, shared);
  const place = compilePlace(name, options, shared);
  const [command, socket] = [options.get("command"), options.get("socket")];
  const commandOption = command === undefined ? undefined : new CommandOption(command, `${name} transport`);
  const socketExpansion = compileExpansion(socket ?? "");
  const isNamed = variablesIn([
    command ?? "",
    socket ?? "",
    ...place.sources,
    ...message.sources,
    ...(filter?.sources ?? []),
  ]);
  const settings = {
    timeoutMs: options.get("timeout"),
    ignoresQuota: options.get("ignore_quota"),
    includesAffixes: options.get("rcpt_include_affixes"),
  };
  const at = async (evaluation: Evaluation): Promise<LmtpServer["at"] | Refusal> => {
    if (commandOption !== undefined) {
      const line = await commandOption.at(evaluation, { addresses: [], pipe: undefined });
      if (line.kind === "refused") return line;
      const [program = "", ...more] = line.words;
      return { words: [program, ...more] };
    }
    const found = await expandOption(socketExpansion, evaluation);
    if (found.kind === "value") return { socket: textOf(found.value) };
    const what = `Expansion of "${socketExpansion.source}" (socket setting for ${name} transport) failed`;
    return deferredBy(`${what}: ${found.text}`, NO_ERRNO);
  };
  return {
    name,
    driver: "lmtp",
    maxRcpt: batchSize(options, isNamed),
    hasOwnHosts: false,
    variables: (variable) => ALWAYS.includes(variable) || isNamed(variable),
    at: (variables, recipient) => ({
      driver: "lmtp",
      name,
      settings,
      message: (address) => message.at(variables(address)),
      ...filterOf(filter, variables),
      async server(request) {
        const found = await place.at(variables(recipient), { transport_name: name }, request);
        if (found.kind === "refused") return found;
        const server = await at(createEvaluation({ ...shared, variables: found.variables }));
        return "kind" in server ? server : { kind: "server", at: server, place: found.place };
      },
    }),
  };
}
