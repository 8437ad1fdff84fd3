import { type CompiledList, type Configuration, compileList, RewriteRules, splitList } from "@postbus/policy";
import { SrsSource } from "./srs/srs-source.ts";

/** What all routers of a configuration share. */
export interface RoutingSettings {
  readonly srs: SrsSource;
  /** For addresses without a domain in redirect lists. */
  readonly qualifyRecipient: string | undefined;
  readonly qualifyDomain: string | undefined;
  /** Names of transports; the value says whether it delivers on this side of the network. */
  readonly transports: ReadonlyMap<string, { readonly isLocal: boolean; readonly overridesHosts: boolean }>;
  /** `$primary_hostname` and others that are the same for all. */
  readonly variables: Readonly<Record<string, string>>;
  /** Rules for the addresses that redirect lists give; undefined: none is about recipients. */
  readonly rewriting: RewriteRules | undefined;
  /** `hold_domains` */
  readonly heldDomains: CompiledList | undefined;
  /** `queue_domains` */
  readonly queuedDomains: CompiledList | undefined;
  readonly dns: HostSettings;
}

/** Main options about hosts and the DNS. */
export interface HostSettings {
  readonly allowsMxToIp: boolean;
  readonly hasIpv6: boolean;
  /** `extra_local_interfaces`: addresses that are this host's, besides those of its interfaces. */
  readonly localAddresses: readonly string[];
  /** `hosts_treat_as_local` */
  readonly localHosts: CompiledList | undefined;
  /** `dns_ipv4_lookup` */
  readonly ipv4Only: CompiledList | undefined;
  /** `dns_again_means_nonexist` */
  readonly againMeansNonexistent: CompiledList | undefined;
  /** `dns_check_names_pattern`, if it is not the default: a list of this one pattern. */
  readonly names: CompiledList | undefined;
}

/** Reads what routing needs of the main section and the transports. */
export function routingSettings(configuration: Configuration): RoutingSettings {
  const { main, transports, rewrite } = configuration;
  const rules = new RewriteRules(rewrite);
  const domains = (text: string | undefined) => (text === undefined ? undefined : compileList("domain", text));
  const primaryHostname = main.get("primary_hostname");
  const qualifyDomain = main.get("qualify_domain") ?? primaryHostname;
  const qualifyRecipient = main.get("qualify_recipient") ?? qualifyDomain;
  const variables: Record<string, string> = {};
  if (primaryHostname !== undefined) variables["primary_hostname"] = primaryHostname;
  if (qualifyDomain !== undefined) variables["qualify_domain"] = qualifyDomain;
  if (qualifyRecipient !== undefined) variables["qualify_recipient"] = qualifyRecipient;
  const isNamed = main.setting("dns_check_names_pattern") !== undefined;
  return {
    srs: new SrsSource(configuration),
    qualifyDomain,
    qualifyRecipient,
    variables,
    rewriting: rules.concern(["T"]) ? rules : undefined,
    heldDomains: domains(main.get("hold_domains")),
    queuedDomains: domains(main.get("queue_domains")),
    transports: new Map(
      [...transports.values()].map((transport) => [
        transport.name,
        {
          isLocal: transport.kind !== "smtp",
          overridesHosts: transport.kind === "smtp" && transport.options.get("hosts_override"),
        },
      ]),
    ),
    dns: {
      allowsMxToIp: main.get("allow_mx_to_ip"),
      hasIpv6: !main.get("disable_ipv6"),
      localAddresses: [...splitList(main.get("extra_local_interfaces") ?? "").items],
      localHosts: domains(main.get("hosts_treat_as_local")),
      ipv4Only: domains(main.get("dns_ipv4_lookup")),
      againMeansNonexistent: domains(main.get("dns_again_means_nonexist")),
      names: isNamed ? onePattern(main.get("dns_check_names_pattern")) : undefined,
    },
  };
}

/** Neither expanded nor split; an empty one lets everything pass. */
const onePattern = (pattern: string): CompiledList =>
  compileList("domain", pattern === "" ? "*" : `<\x01 \\N${pattern}\\N`);
