import { lowerCase } from "../../expansion/operators/case.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../policy.ts";
import type { Configuration, TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { compileAppendfile } from "./appendfile.ts";
import { compileAutoreply } from "./autoreply/compile-autoreply.ts";
import { checkTransportOptions } from "./check-transport-options.ts";
import { compileLmtp } from "./lmtp/compile-lmtp.ts";
import { withShadow } from "./local/shadow.ts";
import type { SiteNames } from "./local/site-names.ts";
import { compilePipe } from "./pipe/compile-pipe.ts";
import { compileSmtp } from "./smtp.ts";

/** Every transport of the file; one that delivery cannot carry out is a problem. */
export function compileTransports(
  { main, transports }: Configuration,
  shared: SharedSurroundings,
  problems: ProblemList,
): ReadonlyMap<string, CompiledTransport> {
  const compiled = new Map<string, CompiledTransport>();
  const qualifyDomain = main.get("qualify_domain") ?? shared.settings.primaryHostname;
  const names: SiteNames = {
    qualifyDomain: lowerCase(qualifyDomain),
    qualifyRecipient: lowerCase(main.get("qualify_recipient") ?? qualifyDomain),
    timeZone: main.get("timezone"),
    bounceReturnLimit: main.get("bounce_return_size_limit"),
  };
  for (const settings of transports.values()) {
    const transport = compileTransport(settings, names, shared, problems);
    if (transport !== undefined) compiled.set(settings.name, transport);
  }
  for (const settings of transports.values()) {
    const transport = compiled.get(settings.name);
    const shadow = settings.generic.get("shadow_transport");
    if (transport === undefined || shadow === undefined) continue;
    compiled.set(settings.name, withShadow(transport, settings, compiled.get(shadow), shared));
  }
  return compiled;
}

/** Adding a driver = a file and a case here, and a case in delivery's handler. */
function compileTransport(
  settings: TransportSettings,
  names: SiteNames,
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
    case "autoreply":
      checkTransportOptions(settings, problems);
      return compileAutoreply(settings, names, shared);
    case "lmtp":
      checkTransportOptions(settings, problems);
      return compileLmtp(settings, shared);
    case "pipe":
      checkTransportOptions(settings, problems);
      return compilePipe(settings, names, shared);
    default:
      problems.error(
        settings.place,
        `transport ${settings.name}: deliveries by "${settings.kind}" are not available yet`,
      );
      return undefined;
  }
}
