import { setImmediate } from "node:timers/promises";
import { trim, trimStart } from "@postbus/mail";
import { extractAddress } from "./extract-address.ts";
import { type ListItem, listItems } from "./list-items.ts";

/** An entry of a list that something is sent to. */
export type Entry =
  /** @property isOwn Written `\name`: it belongs to the domain of the address that is being routed. */
  | { readonly kind: "address"; readonly localPart: string; readonly domain: string; readonly isOwn: boolean }
  | { readonly kind: "file" | "directory" | "pipe"; readonly text: string };

/** What a redirect list says. */
export type RedirectList =
  | { readonly kind: "entries"; readonly entries: readonly Entry[]; readonly syntaxErrors: readonly string[] }
  | { readonly kind: "blackhole" }
  /** `:fail:` and `:defer:`, with their text; for the former, what stands before it counts. */
  | { readonly kind: "fail" | "defer"; readonly text: string; readonly entries: readonly Entry[] }
  /** It cannot be used. */
  | { readonly kind: "wrong"; readonly reason: string };

/** What a router lets a list do. */
export interface Permissions {
  readonly mayFail: boolean;
  readonly mayDefer: boolean;
  readonly mayDiscard: boolean;
  readonly mayInclude: boolean;
  /** `skip_syntax_errors` */
  readonly skipsSyntaxErrors: boolean;
  /** The text of a file. @returns `reason`: why it cannot be had. */
  include(path: string): Promise<{ readonly text: string } | { readonly reason: string }>;
}

/** As in Exim. */
const MAX_ENTRIES = 65_535;
/** Files that one list may include, those in files counted. */
const MAX_INCLUDES = 100;
/** Errors that are kept to be told. */
const MAX_ERRORS = 100;
/** A few milliseconds' worth; then others have their turn. */
const ITEMS_PER_TURN = 500;

/** Reads the list, and the files that it includes. */
export function readRedirectList(text: string, permissions: Permissions): Promise<RedirectList> {
  return readList(text, permissions, { includes: 0 });
}

interface Counts {
  includes: number;
}

async function readList(text: string, permissions: Permissions, counts: Counts): Promise<RedirectList> {
  const entries: Entry[] = [];
  const syntaxErrors: string[] = [];
  let count = 0;
  for (const item of listItems(text)) {
    if (++count % ITEMS_PER_TURN === 0) await setImmediate();
    if (item.text === ":unknown:") continue;
    const special = readSpecial(item, permissions);
    if (special !== undefined) return special.kind === "fail" ? { ...special, entries } : special;
    if (item.text.startsWith(":include:")) {
      const included = await readInclude(trim(item.text.slice(9)), permissions, counts);
      if (included.kind !== "entries") return included;
      entries.push(...included.entries);
      syntaxErrors.push(...included.syntaxErrors);
    } else {
      const entry = readEntry(item);
      if (typeof entry === "string" && !permissions.skipsSyntaxErrors) {
        return { kind: "wrong", reason: `${entry} in "${item.text}"` };
      }
      if (typeof entry === "string" && syntaxErrors.length < MAX_ERRORS)
        syntaxErrors.push(`${entry} in "${item.text}"`);
      if (typeof entry === "object") entries.push(entry);
    }
    if (entries.length > MAX_ENTRIES) return { kind: "wrong", reason: `more than ${MAX_ENTRIES} addresses` };
  }
  return { kind: "entries", entries, syntaxErrors };
}

/** What decides about the whole list. Its text goes up to the end of the line. */
function readSpecial({ text, line, isQuoted }: ListItem, permissions: Permissions): RedirectList | undefined {
  const [whole, word] = /^:(defer|blackhole|fail):/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const { mayDefer, mayDiscard, mayFail } = permissions;
  const isPermitted = word === "defer" ? mayDefer : word === "fail" ? mayFail : mayDiscard;
  if (!isPermitted) return { kind: "wrong", reason: `"${text}" is not permitted` };
  if (word === "blackhole") return { kind: "blackhole" };
  const behind = trimStart((isQuoted ? text : line).slice(whole.length));
  return { kind: word === "fail" ? "fail" : "defer", text: behind, entries: [] };
}

async function readInclude(path: string, permissions: Permissions, counts: Counts): Promise<RedirectList> {
  if (path === "") return { kind: "wrong", reason: "file name missing after :include:" };
  if (!path.startsWith("/")) return { kind: "wrong", reason: `included file "${path}" is not an absolute path` };
  if (!permissions.mayInclude) return { kind: "wrong", reason: "included files not permitted" };
  if (++counts.includes > MAX_INCLUDES)
    return { kind: "wrong", reason: `more than ${MAX_INCLUDES} files are included` };
  const file = await permissions.include(path);
  if ("reason" in file) return { kind: "wrong", reason: file.reason };
  return readList(file.text, permissions, counts);
}

/** @returns A text: what is wrong with it. Undefined: a comment. */
function readEntry({ text, isQuoted }: ListItem): Entry | undefined | string {
  if (text.startsWith("\\")) {
    const own = extractAddress(text.slice(1));
    if (own.kind === "address" && own.domain === "") return { ...own, isOwn: true };
  }
  const found = extractAddress(text);
  // `/x=1/@gateway.example` is an address of X.400.
  if (/^[|/]/.test(text) && (found.kind !== "address" || found.domain === "")) {
    const item = isQuoted ? text.replaceAll(/\\([\s\S])/g, "$1") : text;
    if (item.startsWith("|")) return { kind: "pipe", text: item };
    return { kind: item.endsWith("/") ? "directory" : "file", text: item };
  }
  if (found.kind === "wrong") return found.reason;
  return found.kind === "empty" ? undefined : { ...found, isOwn: false };
}
