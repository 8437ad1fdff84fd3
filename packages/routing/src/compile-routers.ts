import {
  addedLines,
  type CompiledList,
  type Configuration,
  compileExpansion,
  compileList,
  type Expansion,
  type RouterSettings,
  splitList,
  variablesIn,
} from "@postbus/policy";
import { compileAffix } from "./affixes.ts";
import type { CompiledRouter, Setter } from "./compiled-router.ts";
import { compileDeliverItem } from "./drivers/deliver-item.ts";
import { compileDriver } from "./drivers/index.ts";
import { compileFlag } from "./flag.ts";
import { parseSelf } from "./hosts/self-action.ts";
import { preconditions } from "./preconditions/index.ts";
import { Routing } from "./routing.ts";
import { routingSettings } from "./routing-settings.ts";

/**
 * Compiles the routers of a configuration, once. The configuration is one that can be used: the reader has found no error
 * in it.
 */
export function compileRouters(configuration: Configuration): Routing {
  const indexes = new Map(configuration.routers.map(({ name }, index) => [name, index]));
  const routers = configuration.routers.flatMap((settings, index) => compileRouter(settings, index, indexes));
  return new Routing(routers, routingSettings(configuration), variablesIn(textsOf(configuration)));
}

/** Everything that is expanded while an address is routed, as it is written. */
function textsOf({ routers, namedLists }: Configuration): string[] {
  const options = routers.flatMap(({ generic, options: own }) => [
    ...generic.settings.values(),
    ...own.settings.values(),
  ]);
  const lists = Object.values(namedLists).flatMap((of) => Array.from(of.values(), ({ text }) => text));
  return [...options.flatMap(({ value }) => (typeof value === "object" ? value.map(String) : String(value))), ...lists];
}

/** None for a kind that is not available. */
function compileRouter(
  settings: RouterSettings,
  index: number,
  indexes: ReadonlyMap<string, number>,
): CompiledRouter[] {
  const { name, place, generic } = settings;
  const run = compileDriver(settings);
  if (run === undefined) return [];
  const indexOf = (other: string | undefined) => (other === undefined ? undefined : indexes.get(other));
  return [
    {
      name,
      place,
      index,
      settings,
      run,
      isCaseful: generic.get("caseful_local_part"),
      repeats: settings.kind !== "redirect" || settings.options.get("repeat_use"),
      prefix: compileAffix(settings, "prefix"),
      suffix: compileAffix(settings, "suffix"),
      preconditions: preconditions.flatMap((compile) => compile(settings) ?? []),
      setters: (generic.get("set") ?? []).flatMap(compileSetters),
      addressData: expansion(generic.get("address_data")),
      cannotRouteMessage: expansion(generic.get("cannot_route_message")),
      errorsTo: expansion(generic.get("errors_to")),
      headersAdd: (generic.get("headers_add") ?? []).flatMap(addedLines).map(compileExpansion),
      headersRemove: (generic.get("headers_remove") ?? [])
        .flatMap((line) => [...splitList(line).items])
        .filter((item) => item !== "")
        .map(compileExpansion),
      transport: expansion(generic.get("transport")),
      fallbackHosts: expansion(generic.get("fallback_hosts")),
      user: expansion(generic.get("user")),
      group: expansion(generic.get("group")),
      transportHome: expansion(generic.get("transport_home_directory")),
      transportDirectory: expansion(generic.get("transport_current_directory")),
      more: compileFlag(generic.get("more")),
      unseen: compileFlag(generic.get("unseen")),
      isLastHop: generic.get("dsn_lasthop"),
      failsVerifying: { sender: generic.get("fail_verify_sender"), recipient: generic.get("fail_verify_recipient") },
      ignoredHosts: list("host", generic.get("ignore_target_hosts")),
      dnssecRequested: list("domain", generic.get("dnssec_request_domains")),
      dnssecRequired: list("domain", generic.get("dnssec_require_domains")),
      self: parseSelf(generic.get("self")),
      passesOnTimeout: generic.get("pass_on_timeout"),
      isRetriedByLocalPart: generic.get("retry_use_local_part") ?? looksAtLocalPart(settings),
      copiesToDomain: copiesToDomain(settings),
      isLogged: !generic.get("disable_logging"),
      isLoggedAsLocal: generic.get("log_as_local") ?? settings.kind === "accept",
      passTo: indexOf(generic.get("pass_router")),
      redirectTo: indexOf(generic.get("redirect_router")),
      deliverItem: settings.kind === "redirect" ? compileDeliverItem(settings) : undefined,
    },
  ];
}

/** What decides depends on more than the domain, and so does what is remembered of failures. */
const looksAtLocalPart = ({ generic }: RouterSettings): boolean =>
  generic.get("check_local_user") || LOCAL_PART_OPTIONS.some((name) => generic.get(name) !== undefined);

const copiesToDomain = (settings: RouterSettings): boolean =>
  (settings.kind === "dnslookup" && settings.options.get("same_domain_copy_routing")) ||
  (settings.kind === "manualroute" && settings.options.get("same_domain_copy_routing"));

const LOCAL_PART_OPTIONS = [
  "local_part_prefix",
  "local_part_suffix",
  "local_parts",
  "condition",
  "senders",
  "require_files",
] as const;

const expansion = (text: string | undefined): Expansion | undefined =>
  text === undefined ? undefined : compileExpansion(text);

const list = (kind: "host" | "domain", text: string | undefined): CompiledList | undefined =>
  text === undefined ? undefined : compileList(kind, text);

/** `r_name = text ; r_other = text` */
function compileSetters(text: string): Setter[] {
  const items = [...splitList(/^[\t-\r ]*</.test(text) ? text : `<; ${text}`).items].filter((item) => item !== "");
  return items.map((source) => {
    const [, name = source, value = ""] = /^([^=\t-\r ]*)[\t-\r ]*=?[\t-\r ]*([\s\S]*)$/.exec(source) ?? [];
    return { name, expansion: compileExpansion(value), source };
  });
}
