import { isIPv4, isIPv6 } from "node:net";

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

/** The usual form, in one step: `<dot-string@domain>`. Both classes exclude what ends them, so it is linear. */
const USUAL = /<([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+)@([A-Za-z0-9.-]+)>/y;
/** RFC 5321 §4.1.2 Dot-string, with dots in odd places as Exim and Postfix take them (`a..b@docomo.example`). */
const DOT_STRING = /[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+/y;
/** RFC 5321 §4.1.2 Quoted-string: printable ASCII, `"` and `\` only behind a `\`. */
const QUOTED_STRING = /"(?:[ !#-[\]-~]|\\[ -~])*"/y;
const DOMAIN_CHARACTERS = /[A-Za-z0-9.-]+/y;
/** RFC 5321 §4.1.3; what is inside is checked by `isAddressLiteral`. */
const LITERAL = /\[[!-Z^-~]*\]/y;
/** RFC 5321 §4.1.2 A-d-l: to be accepted and ignored (§3.6.1). */
const SOURCE_ROUTE = /@[A-Za-z0-9.-]+(?:,@[A-Za-z0-9.-]+)*:/y;
const NON_ASCII = /[\x80-\xff]/;

/**
 * Parses a forward or reverse path (RFC 5321 §4.1.2) at `start`; never throws, linear in the text's length.
 *
 * The local part is kept as it was written, quotes and case included. As Exim and Postfix do, an address without
 * angle brackets is taken, too. Domain-less addresses come back as they are: who may use them is the caller's question.
 */
export function parsePath(text: string, start = 0): ParsedPath {
  USUAL.lastIndex = start;
  const usual = USUAL.exec(text);
  if (usual !== null) {
    const [whole, localPart = "", domain = ""] = usual;
    return checked(localPart, domain, start + whole.length);
  }
  if (text.startsWith("<>", start)) return { kind: "path", address: "", end: start + 2 };

  const isBracketed = text[start] === "<";
  let at = isBracketed ? start + 1 : start;
  if (isBracketed) at += match(SOURCE_ROUTE, text, at).length;

  const localPart = match(text[at] === '"' ? QUOTED_STRING : DOT_STRING, text, at);
  if (localPart === "") return invalid(NON_ASCII.test(text) ? NOT_ASCII : "missing or malformed local part");
  at += localPart.length;

  let domain = "";
  if (text[at] === "@") {
    at += 1;
    domain = match(text[at] === "[" ? LITERAL : DOMAIN_CHARACTERS, text, at);
    if (domain === "") return invalid(NON_ASCII.test(text) ? NOT_ASCII : "domain missing or malformed");
    at += domain.length;
  }
  if (isBracketed) {
    if (text[at] !== ">") {
      if (NON_ASCII.test(text)) return invalid(NOT_ASCII);
      return invalid(at >= text.length ? "'>' missing at end of address" : "malformed address");
    }
    at += 1;
  }
  return checked(localPart, domain, at);
}

/** The reason when octets above 127 are the trouble: without SMTPUTF8 they have no meaning (RFC 6531 §3.1). */
export const NOT_ASCII = "non-ASCII address without SMTPUTF8";

function checked(localPart: string, domain: string, end: number): ParsedPath {
  if (domain === "") return { kind: "path", address: localPart, end };
  if (localPart.length + 1 + domain.length > MAX_ADDRESS_OCTETS) return invalid("address too long");
  if (!(domain.startsWith("[") ? isAddressLiteral(domain) : isDomain(domain)))
    return invalid("domain missing or malformed");
  return { kind: "path", address: `${localPart}@${domain}`, end };
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
