import { isUtf8 } from "node:buffer";
import { isIPv4, isIPv6 } from "node:net";
import { asciiDomain } from "./ascii-domain.ts";

/**
 * RFC 5321 §4.5.3.1.2. The 64 octets of §4.5.3.1.1 for a local part are not enforced: variable return paths and SRS
 * addresses exceed them every day, and Exim takes them, too.
 */
const MAX_DOMAIN_OCTETS = 255;
/** Exim's EXIM_EMAILADDR_MAX; RFC 5321 §4.5.3.1.3 has 256 with the angle brackets. */
const MAX_ADDRESS_OCTETS = 256;
/** RFC 1035 §2.3.4. */
const MAX_LABEL_OCTETS = 63;

export type ParsedPath =
  /** @property address Without brackets and source route; empty for `<>`. @property end Index behind the path. */
  | { readonly kind: "path"; readonly address: string; readonly end: number }
  | { readonly kind: "invalid"; readonly reason: string };

/** What is taken besides the forms of RFC 5321. */
export interface PathLeniency {
  /** Addresses may be those of RFC 6531. */
  readonly allowsUtf8?: boolean;
  /** A dot behind the domain is dropped: Exim's `strip_trailing_dot`. */
  readonly stripsTrailingDot?: boolean | undefined;
  /** So are further pairs of angle brackets: Exim's `strip_excess_angle_brackets`. */
  readonly stripsExcessBrackets?: boolean | undefined;
}

/** The usual form, in one step: `<dot-string@domain>`. Both classes exclude what ends them, so it is linear. */
const USUAL = /<([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+)@([A-Za-z0-9.-]+)>/y;
/** RFC 5321 §4.1.2 Dot-string, with dots in odd places as Exim and Postfix take them (`a..b@docomo.example`). */
const DOT_STRING = /[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+/y;
/** RFC 5321 §4.1.2 Quoted-string: printable ASCII, `"` and `\` only behind a `\`. */
const QUOTED_STRING = /"(?:[ !#-[\]-~]|\\[ -~])*"/y;
const DOMAIN_CHARACTERS = /[A-Za-z0-9.-]+/y;
/** The same with UTF-8 (RFC 6531 §3.3); whether it is that is checked at the end. */
const UTF8_DOT_STRING = /[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\x80-\xff]+/y;
const UTF8_QUOTED_STRING = /"(?:[ !#-[\]-~\x80-\xff]|\\[ -~\x80-\xff])*"/y;
const UTF8_DOMAIN_CHARACTERS = /[A-Za-z0-9.\x80-\xff-]+/y;
/** RFC 5321 §4.1.3; what is inside is checked by `isAddressLiteral`. */
const LITERAL = /\[[!-Z^-~]*\]/y;
/** RFC 5321 §4.1.2 A-d-l: to be accepted and ignored (§3.6.1). */
const SOURCE_ROUTE = /@[A-Za-z0-9.-]+(?:,@[A-Za-z0-9.-]+)*:/y;
const NON_ASCII = /[\x80-\xff]/;
/** All opening brackets but the last. */
const EXCESS_BRACKETS = /<+(?=<)/y;

const STRICT: PathLeniency = {};

/**
 * Parses a forward or reverse path (RFC 5321 §4.1.2) at `start`; never throws, linear in the text's length.
 *
 * The local part is kept as it was written, quotes and case included. As Exim and Postfix do, an address without
 * angle brackets is taken, too. Domain-less addresses come back as they are: who may use them is the caller's question.
 */
export function parsePath(text: string, start = 0, leniency: PathLeniency = STRICT): ParsedPath {
  const { allowsUtf8 = false, stripsTrailingDot = false, stripsExcessBrackets = false } = leniency;
  const excess = stripsExcessBrackets ? match(EXCESS_BRACKETS, text, start).length : 0;
  if (excess === 0) return parseOne(text, start, allowsUtf8, stripsTrailingDot);
  const parsed = parseOne(text, start + excess, allowsUtf8, stripsTrailingDot);
  if (parsed.kind === "invalid") return parsed;
  const { address, end } = parsed;
  if (text.startsWith(">".repeat(excess), end)) return { kind: "path", address, end: end + excess };
  return invalid("'>' missing at end of address");
}

function parseOne(text: string, start: number, allowsUtf8: boolean, stripsDot: boolean): ParsedPath {
  USUAL.lastIndex = start;
  const usual = USUAL.exec(text);
  if (usual !== null) {
    const [whole, localPart = "", domain = ""] = usual;
    return checked(localPart, stripsDot ? withoutDot(domain) : domain, start + whole.length);
  }
  if (text.startsWith("<>", start)) return { kind: "path", address: "", end: start + 2 };

  const lacksUtf8 = !allowsUtf8 && NON_ASCII.test(text);
  const isBracketed = text[start] === "<";
  let at = isBracketed ? start + 1 : start;
  if (isBracketed) at += match(SOURCE_ROUTE, text, at).length;

  const [quoted, dotted, letters] = allowsUtf8
    ? ([UTF8_QUOTED_STRING, UTF8_DOT_STRING, UTF8_DOMAIN_CHARACTERS] as const)
    : ([QUOTED_STRING, DOT_STRING, DOMAIN_CHARACTERS] as const);
  const localPart = match(text[at] === '"' ? quoted : dotted, text, at);
  if (localPart === "") return invalid(lacksUtf8 ? NOT_ASCII : "missing or malformed local part");
  at += localPart.length;

  let domain = "";
  if (text[at] === "@") {
    at += 1;
    domain = match(text[at] === "[" ? LITERAL : letters, text, at);
    if (domain === "") return invalid(lacksUtf8 ? NOT_ASCII : "domain missing or malformed");
    at += domain.length;
  }
  if (isBracketed) {
    if (text[at] !== ">") {
      if (lacksUtf8) return invalid(NOT_ASCII);
      return invalid(at >= text.length ? "'>' missing at end of address" : "malformed address");
    }
    at += 1;
  }
  return checked(localPart, stripsDot ? withoutDot(domain) : domain, at);
}

const withoutDot = (domain: string): string =>
  domain.length > 1 && domain.endsWith(".") ? domain.slice(0, -1) : domain;

/** The reason when octets above 127 are the trouble: without SMTPUTF8 they have no meaning (RFC 6531 §3.1). */
export const NOT_ASCII = "non-ASCII address without SMTPUTF8";

function checked(localPart: string, domain: string, end: number): ParsedPath {
  if (!isPrintableUtf8(localPart) || !isPrintableUtf8(domain)) return invalid("invalid UTF-8 byte sequence");
  if (domain === "") return { kind: "path", address: localPart, end };
  if (localPart.length + 1 + domain.length > MAX_ADDRESS_OCTETS) return invalid("address too long");
  if (!(domain.startsWith("[") ? isAddressLiteral(domain) : isDomain(asciiDomain(domain) ?? "")))
    return invalid("domain missing or malformed");
  return { kind: "path", address: `${localPart}@${domain}`, end };
}

/** U+0080 to U+009F are control characters. */
function isPrintableUtf8(text: string): boolean {
  if (!NON_ASCII.test(text)) return true;
  return isUtf8(Buffer.from(text, "latin1")) && !/\xc2[\x80-\x9f]/.test(text);
}

/** Whether a text is a domain as RFC 5321 §4.1.2 has it: labels of letters, digits and inner hyphens. */
export function isDomain(text: string): boolean {
  if (text.length === 0 || text.length > MAX_DOMAIN_OCTETS) return false;
  let labelStart = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code !== DOT) {
      if (!isLetterDigitHyphen(code)) return false;
      continue;
    }
    const length = i - labelStart;
    if (length === 0 || length > MAX_LABEL_OCTETS) return false;
    if (text.charCodeAt(labelStart) === HYPHEN || text.charCodeAt(i - 1) === HYPHEN) return false;
    labelStart = i + 1;
  }
  return true;
}

const DOT = 0x2e;
const HYPHEN = 0x2d;

const isLetterDigitHyphen = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === HYPHEN;

/** RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. General address literals have no registered tag. */
export function isAddressLiteral(text: string): boolean {
  if (!text.startsWith("[") || !text.endsWith("]")) return false;
  const inner = text.slice(1, -1);
  return /^ipv6:/i.test(inner) ? isIPv6(inner.slice(5)) : isIPv4(inner);
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

const invalid = (reason: string): ParsedPath => ({ kind: "invalid", reason });
