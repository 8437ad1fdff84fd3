import { clientAuthenticators } from "../../authenticators/client/client-authenticators.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { CompiledTransport, SmtpPolicy } from "../../policy.ts";
import type { Configuration, TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { compileAppendfile } from "./appendfile.ts";
import { checkTransportOptions } from "./check-transport-options.ts";
import { compileSmtp, type SmtpParts } from "./smtp.ts";

/** Every transport of the file; one that delivery cannot carry out is a problem. */
export function compileTransports(
  configuration: Configuration,
  shared: SharedSurroundings,
  { ports }: Pick<SmtpPolicy, "ports">,
  problems: ProblemList,
): ReadonlyMap<string, CompiledTransport> {
  const authenticators = clientAuthenticators(configuration, problems);
  const parts = { shared, authenticators, ports: new Set(ports) };
  const compiled = new Map<string, CompiledTransport>();
  for (const settings of configuration.transports.values()) {
    const transport = compileTransport(settings, parts, problems);
    if (transport !== undefined) compiled.set(settings.name, transport);
  }
  return compiled;
}

/** Adding a driver = a file and a case here, and a case in delivery's handler. */
function compileTransport(
  settings: TransportSettings,
  parts: SmtpParts,
  problems: ProblemList,
): CompiledTransport | undefined {
  switch (settings.kind) {
    case "smtp":
      checkTransportOptions(settings, problems);
      return compileSmtp(settings, parts, problems);
    case "appendfile":
      checkTransportOptions(settings, problems);
      return compileAppendfile(settings, parts.shared, problems);
    default:
      problems.error(
        settings.place,
        `transport ${settings.name}: deliveries by "${settings.kind}" are not available yet`,
      );
      return undefined;
  }
}
