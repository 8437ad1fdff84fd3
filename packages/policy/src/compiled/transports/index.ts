import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../policy.ts";
import type { Configuration, TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { compileAppendfile } from "./appendfile.ts";
import { checkTransportOptions } from "./check-transport-options.ts";
import { compileSmtp } from "./smtp.ts";
import { variablesIn } from "./variables-in.ts";

/** Every transport of the file; one that delivery cannot carry out is a problem. */
export function compileTransports(
  { transports }: Configuration,
  shared: SharedSurroundings,
  problems: ProblemList,
): ReadonlyMap<string, CompiledTransport> {
  const compiled = new Map<string, CompiledTransport>();
  for (const settings of transports.values()) {
    const transport = compileTransport(settings, shared, problems);
    if (transport !== undefined) compiled.set(settings.name, withEvents(transport, settings));
  }
  return compiled;
}

/** Adding a driver = a file and a case here, and a case in delivery's handler. */
function compileTransport(
  settings: TransportSettings,
  shared: SharedSurroundings,
  problems: ProblemList,
): CompiledTransport | undefined {
  switch (settings.kind) {
    case "smtp":
      checkTransportOptions(settings, problems);
      return compileSmtp(settings, shared, problems);
    case "appendfile":
      checkTransportOptions(settings, problems);
      return compileAppendfile(settings, shared, problems);
    default:
      problems.error(
        settings.place,
        `transport ${settings.name}: deliveries by "${settings.kind}" are not available yet`,
      );
      return undefined;
  }
}

/** What `event_action` names of an address has to come along with it, too. */
function withEvents(transport: CompiledTransport, { generic }: TransportSettings): CompiledTransport {
  const options = ["event_action", "tpda_delivery_action", "tpda_host_defer_action"] as const;
  const texts = options.map((option) => generic.get(option)).filter((text) => text !== undefined);
  if (texts.length === 0) return transport;
  const ofEvents = variablesIn(texts);
  const { variables: ofOptions } = transport;
  return { ...transport, variables: (name) => ofEvents(name) || ofOptions?.(name) === true };
}
