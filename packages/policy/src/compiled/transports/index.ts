import { clientAuthenticators } from "../../authenticators/client/client-authenticators.ts";
import { lowerCase } from "../../expansion/operators/case.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import { selected } from "../../options/log-selectors.ts";
import type { CompiledTransport, SmtpPolicy } from "../../policy.ts";
import type { Configuration, TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { compileAppendfile } from "./appendfile.ts";
import { compileAutoreply } from "./autoreply/compile-autoreply.ts";
import { checkTransportOptions } from "./check-transport-options.ts";
import { compileLmtp } from "./lmtp/compile-lmtp.ts";
import { withShadow } from "./local/shadow.ts";
import type { SiteNames } from "./local/site-names.ts";
import { compilePipe } from "./pipe/compile-pipe.ts";
import { compileQueuefile } from "./queuefile.ts";
import { compileSmtp, type SmtpParts } from "./smtp.ts";
import { variablesIn } from "./variables-in.ts";

/** Every transport of the file; one that delivery cannot carry out is a problem. */
export function compileTransports(
  configuration: Configuration,
  shared: SharedSurroundings,
  { ports }: Pick<SmtpPolicy, "ports">,
  problems: ProblemList,
): ReadonlyMap<string, CompiledTransport> {
  const authenticators = clientAuthenticators(configuration, problems);
  const compiled = new Map<string, CompiledTransport>();
  const { main, transports } = configuration;
  const qualifyDomain = main.get("qualify_domain") ?? shared.settings.primaryHostname;
  const names: SiteNames = {
    qualifyDomain: lowerCase(qualifyDomain),
    qualifyRecipient: lowerCase(main.get("qualify_recipient") ?? qualifyDomain),
    logsRewrites: selected(main.get("log_selector") ?? "").has("address_rewrite"),
    timeZone: main.get("timezone"),
    bounceReturnLimit: main.get("bounce_return_size_limit"),
  };
  const parts = { shared, authenticators, ports: new Set(ports), names };
  for (const settings of transports.values()) {
    const transport = compileTransport(settings, parts, problems);
    if (transport === undefined) continue;
    const isRetriedByLocalPart = settings.generic.get("retry_use_local_part") ?? true;
    compiled.set(settings.name, withEvents({ ...transport, isRetriedByLocalPart }, settings));
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
  parts: SmtpParts,
  problems: ProblemList,
): CompiledTransport | undefined {
  const { shared, names } = parts;
  switch (settings.kind) {
    case "smtp":
      checkTransportOptions(settings, problems);
      return compileSmtp(settings, parts, problems);
    case "appendfile":
      checkTransportOptions(settings, problems);
      return compileAppendfile(settings, names, shared, problems);
    case "queuefile":
      return compileQueuefile(settings, shared, problems);
    case "autoreply":
      checkTransportOptions(settings, problems);
      return compileAutoreply(settings, names, shared);
    case "lmtp":
      checkTransportOptions(settings, problems);
      return compileLmtp(settings, names, shared);
    case "pipe":
      checkTransportOptions(settings, problems);
      return compilePipe(settings, names, shared);
    default:
      throw new Error(`unhandled transport: ${JSON.stringify(settings satisfies never)}`);
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
