import { nearestName } from "@postbus/mail";
import { eximOptionNames, optionsWithoutEffect } from "./exim-option-names.ts";
import type { LogicalLine } from "./logical-lines.ts";
import { type MainOptions, mainOptions } from "./main-options.ts";
import type { Problems } from "./problems.ts";
import { unquote } from "./values.ts";

/** A named list as it stands in the file. */
export interface NamedList {
  readonly where: string;
  readonly text: string;
}

export interface MainSection {
  readonly options: MainOptions;
  readonly domainLists: ReadonlyMap<string, NamedList>;
  readonly hostLists: ReadonlyMap<string, NamedList>;
  readonly notices: readonly string[];
}

const NOT_YET = "known to Exim, not supported by the built-in policy yet";

/** Reads the options in front of the first `begin`; what follows it is reported as not supported. */
export function readMainSection(lines: readonly LogicalLine[], problems: Problems): MainSection {
  const options: Record<string, unknown> = {};
  const seen = new Set<string>();
  const domainLists = new Map<string, NamedList>();
  const hostLists = new Map<string, NamedList>();
  const withoutEffect: string[] = [];

  for (const { where, text } of lines) {
    const [, section] = /^begin\s+(\S+)/i.exec(text) ?? [];
    if (section !== undefined) {
      // Sections have grammars of their own; reading on would report each of their lines.
      problems.add(where, `begin ${section}: ${NOT_YET} (what follows was not read)`);
      break;
    }
    const [, kind, listName = "", listText = ""] =
      /^(?:hide\s+)?(domain|host|address|localpart)list(?:_cache)?\s+(\w+)\s*=\s*([\s\S]*)$/.exec(text) ?? [];
    if (kind !== undefined) {
      const lists = { domain: domainLists, host: hostLists }[kind];
      if (lists === undefined) problems.add(where, `${kind}list: ${NOT_YET}`);
      else if (lists.has(listName)) problems.add(where, `${kind}list "${listName}" is defined for the second time`);
      else problems.try(where, () => lists.set(listName, { where, text: unquote(listText) }));
      continue;
    }
    const [, name, sign, value = ""] = /^(?:hide\s+)?(\w+)\s*(?:(=)\s*([\s\S]*))?$/.exec(text) ?? [];
    if (name === undefined) {
      problems.add(where, `an option setting is expected, not "${text.slice(0, 60)}"`);
    } else if (seen.has(name)) {
      problems.add(where, `"${name}" option set for the second time`);
    } else if (isMainOption(name)) {
      if (sign === undefined) problems.add(where, `${name}: = and a value are expected`);
      else options[name] = problems.try(where, () => mainOptions[name](unquote(value)), name);
    } else if (optionsWithoutEffect.has(withoutNo(name))) {
      withoutEffect.push(name);
    } else if (eximOptionNames.has(withoutNo(name))) {
      problems.add(where, `${name}: ${NOT_YET}`);
    } else {
      const near = nearestName(name, eximOptionNames);
      problems.add(where, `${name}: unknown option${near === undefined ? "" : ` (did you mean ${near}?)`}`);
    }
    if (name !== undefined) seen.add(name);
  }
  const notices =
    withoutEffect.length === 0
      ? []
      : [`these options have no meaning here and were ignored: ${withoutEffect.join(", ")}`];
  return { options: options as MainOptions, domainLists, hostLists, notices };
}

const isMainOption = (name: string): name is keyof typeof mainOptions => Object.hasOwn(mainOptions, name);

/** Boolean options may be written `no_name`, `not_name`. */
const withoutNo = (name: string): string => (eximOptionNames.has(name) ? name : name.replace(/^not?_/, ""));
