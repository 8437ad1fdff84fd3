import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { ListKind } from "../matching/list-kind.ts";
import { itemProblem, type ListNames, listProblems } from "../matching/list-problems.ts";
import type { AclConditionName } from "../options/acl/conditions.ts";
import type { OptionTable, OptionType } from "../options/option.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { Driver } from "../reader/driver-section.ts";
import type { OptionSet } from "../reader/option-set.ts";
import type { Place, Problem } from "../reader/problem.ts";
import { routeListProblems } from "./route-list-problems.ts";

/** Options that are lists of something, by their type. */
const LISTS: Partial<Record<OptionType, ListKind>> = {
  "domain list*": "domain",
  "host list*": "host",
  "address list*": "address",
  "local part list*": "localpart",
};

/** Conditions of ACLs whose values are lists; what is wrong with their expansion is told where they are compiled. */
const ACL_LISTS: Partial<Record<AclConditionName, ListKind>> = {
  domains: "domain",
  hosts: "host",
  local_parts: "localpart",
  recipients: "address",
  sender_domains: "domain",
  senders: "address",
};

/**
 * Slips inside strings that are expanded and in lists. Exim takes such a file and fails when it comes by them, so they
 * are notices: the operator should hear of them before the first message does.
 */
export function expressionNotices(configuration: Configuration): readonly Problem[] {
  const { main, acls, routers, transports, authenticators, retry, namedLists } = configuration;
  const notices: Problem[] = [];
  const tell = (place: Place, what: string, problems: readonly (string | undefined)[]): void => {
    for (const problem of new Set(problems)) {
      // A notice is one line.
      const text = `${what}: ${problem?.replaceAll(/\s*\n\s*/g, ", ")}`;
      if (problem !== undefined) notices.push({ kind: "notice", place, text });
    }
  };
  const ofOptions = (prefix: string, options: OptionSet<OptionTable>): void => {
    for (const [name, { place, value, isHidden }] of options.settings) {
      const row = options.table[name];
      if (row?.status.kind !== "supported") continue;
      const texts = typeof value === "string" ? [value] : Array.isArray(value) ? value.map(String) : [];
      const problems = texts.flatMap((text) => optionProblems(name, row.type, text, configuration));
      tell(place, `${prefix}${name}`, shown(problems, isHidden));
    }
  };

  ofOptions("", main as OptionSet<OptionTable>);
  for (const kind of ["domain", "host", "address", "localpart"] as const) {
    for (const { name, place, text, isHidden } of namedLists[kind].values()) {
      tell(place, `${kind}list ${name}`, shown(listProblems(kind, text, namedLists), isHidden));
    }
  }
  for (const item of [...acls.values()].flatMap(({ statements }) => statements.flatMap(({ items }) => items))) {
    const kind = item.kind === "condition" ? ACL_LISTS[item.name] : undefined;
    if (kind === undefined || compileExpansion(item.value).problem !== undefined) continue;
    tell(item.place, item.name, listProblems(kind, item.value, namedLists));
  }
  for (const { name, options } of routers as readonly Driver[]) ofOptions(`router ${name}: `, options);
  for (const { name, options } of transports.values() as Iterable<Driver>) ofOptions(`transport ${name}: `, options);
  for (const { name, options } of authenticators as readonly Driver[]) ofOptions(`authenticator ${name}: `, options);
  for (const { place, pattern, senders } of retry) {
    tell(place, "retry rule", [/[$\\]/.test(pattern) ? undefined : itemProblem("address", pattern, namedLists)]);
    if (senders !== undefined) tell(place, "retry rule: senders", listProblems("address", senders, namedLists));
  }
  return notices;
}

function optionProblems(
  name: string,
  type: OptionType,
  text: string,
  { namedLists, transports }: { readonly namedLists: ListNames } & Pick<Configuration, "transports">,
): readonly (string | undefined)[] {
  const kind = LISTS[type];
  if (kind !== undefined) return listProblems(kind, text, namedLists);
  if (name === "route_list") return routeListProblems(text, namedLists, transports);
  return type.endsWith("*") ? [compileExpansion(text).problem] : [];
}

/** Of a hidden value, nothing is shown: not even the part that is wrong. */
const shown = (problems: readonly (string | undefined)[], isHidden: boolean): readonly (string | undefined)[] =>
  isHidden ? problems.map((problem) => problem && "its hidden value cannot be used") : problems;
