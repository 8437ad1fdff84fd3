import { Source } from "./source.ts";

/** One mailbox of a header or an envelope. */
export interface Mailbox {
  /** `local@domain`, without comments and blanks; a local part alone if there is no domain; empty for `<>`. */
  readonly address: string;
  /** With its quotes. */
  readonly localPart: string;
  readonly domain: string;
}

/** Atoms as Exim takes them: whatever is neither blank, control nor special, octets above 127 as well, and quoted pairs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: leaving them out is the point
const ATOM = /(?:[^\x00-\x20\x7f()<>@,;:\\".[\]]|\\[\s\S]?)+/y;
const QUOTED = /"(?:[^"\\]|\\[\s\S])*"/y;
const LITERAL = /\[[^[\]\\\t-\r ,]*\]/y;
const LABEL = /[A-Za-z0-9][-A-Za-z0-9]*/y;

/** Comments in comments (RFC 5322 §3.2.2), without recursion. */
function skipComments(source: Source): void {
  for (;;) {
    source.skipBlanks();
    if (source.peek() !== "(") return;
    let depth = 0;
    do {
      const c = source.peek();
      if (c === "") return;
      if (c === "(") depth++;
      if (c === ")") depth--;
      source.at += c === "\\" ? 2 : 1;
    } while (depth > 0);
  }
}

/**
 * Reads a mailbox: `ann@x.example`, `<ann@x.example>`, `Ann B <ann@x.example> (comment)`, `<@relay:ann@x.example>`, `ann`.
 * Dots may stand where RFC 5322 has none in a local part, since they do.
 *
 * @returns undefined: it is something else.
 */
export function parseMailbox(text: string): Mailbox | undefined {
  const source = new Source(text);
  skipComments(source);
  let localPart = readLocalPart(source);
  if (localPart === undefined) return undefined;
  if (source.peek() !== "@" && source.peek() !== "" && !skipPhrase(source)) return undefined;
  const isRoute = source.take("<");
  if (isRoute) {
    localPart = readRoute(source) ? readLocalPart(source) : undefined;
    if (localPart === undefined) return undefined;
    if (localPart === "") return source.peek() === ">" ? { address: "", localPart: "", domain: "" } : undefined;
  } else if (localPart === "") return undefined;
  const domain = source.take("@") ? readDomain(source) : "";
  if (domain === undefined) return undefined;
  if (isRoute) {
    if (!source.take(">")) return undefined;
    skipComments(source);
  }
  if (source.peek() !== "") return undefined;
  return { address: domain === "" ? localPart : `${localPart}@${domain}`, localPart, domain };
}

/** The rest of a display name; false: it does not end at the `<` of an address. */
function skipPhrase(source: Source): boolean {
  while (source.peek() !== "<") {
    const { at } = source;
    if (readLocalPart(source) === undefined || source.at === at) return false;
  }
  return true;
}

/** A source route (RFC 5321 §4.1.1.3) is read and forgotten. */
function readRoute(source: Source): boolean {
  skipComments(source);
  if (source.peek() !== "@") return true;
  do {
    if (!source.take("@") || readDomain(source) === undefined) return false;
  } while (takeCommas(source));
  if (!source.take(":")) return false;
  skipComments(source);
  return true;
}

/** Between the hosts of a route; empty ones do not count (RFC 5322 §4.4). */
function takeCommas(source: Source): boolean {
  const { at } = source;
  while (source.take(",")) skipComments(source);
  return source.at > at && source.peek() === "@";
}

/** Words and dots; empty if there is none. */
function readLocalPart(source: Source): string | undefined {
  let text = "";
  for (;;) {
    const word = source.match(ATOM) || source.match(QUOTED);
    if (word === "" && source.peek() === '"') return undefined;
    text += word;
    skipComments(source);
    if (source.take(".")) {
      text += ".";
      skipComments(source);
    } else return text;
  }
}

function readDomain(source: Source): string | undefined {
  skipComments(source);
  let text = source.match(LITERAL);
  if (text === "") {
    for (;;) {
      const label = source.match(LABEL);
      if (label === "") return undefined;
      text += label;
      skipComments(source);
      if (!source.take(".")) break;
      text += ".";
      skipComments(source);
    }
  }
  skipComments(source);
  return text;
}

/** The mailboxes of an address list (RFC 5322 §3.4), groups opened, as text. */
export function* mailboxes(text: string): Generator<string> {
  for (const { start, end } of mailboxSpans(text)) yield text.slice(start, end);
}

/** Where they stand, with the blanks around them. */
export function* mailboxSpans(text: string): Generator<{ readonly start: number; readonly end: number }> {
  const source = new Source(text);
  let start = 0;
  let isInGroup = false;
  let isInAngles = false;
  // One quote without its counterpart is enough: looking for it again and again would take quadratic time.
  let hasQuotes = true;
  while (source.peek() !== "") {
    const c = source.peek();
    if (c === "(") skipComments(source);
    else if (c === '"' && hasQuotes) {
      hasQuotes = source.match(QUOTED) !== "";
    } else if (c === "[" && source.match(LITERAL) !== "") continue;
    else if ((c === "," && !isInAngles) || (c === ";" && isInGroup)) {
      yield { start, end: source.at };
      start = ++source.at;
      isInAngles = false;
      if (c === ";") isInGroup = false;
    } else if (c === ":" && !isInGroup && !isInAngles) {
      isInGroup = true;
      start = ++source.at;
    } else {
      // A source route has commas of its own; who leaves the angle open has written one address, and a bad one.
      if (c === "<" || c === ">") isInAngles = c === "<";
      source.at++;
    }
  }
  yield { start, end: text.length };
}
