import { groupsOf } from "../../expansion/ip-address.ts";

/** What the macros of an SPF text stand for (RFC 7208 §7.2). */
export interface MacroValues {
  /** The address that was checked. */
  readonly sender: string;
  readonly domain: string;
  /** IP address of the client. */
  readonly clientAddress: string;
  readonly helo: string;
  /** Name of this host. */
  readonly receiver: string;
  /** Seconds since the epoch. */
  readonly seconds: number;
}

/** `%{letter digits r delimiters}`, `%%`, `%_`, `%-` */
const MACRO = /%(?:\{([a-z])([0-9]{0,3})(r?)([.\-+,/_=]*)\}|([%_-]))/gi;
const LITERALS: Readonly<Record<string, string>> = { "%": "%", _: " ", "-": "%20" };

/** Expands the macros of an explanation (RFC 7208 §7); what is no macro stays as it is. */
export function expandMacros(text: string, values: MacroValues): string {
  return text.replace(
    MACRO,
    (whole, letter: string | undefined, digits: string, reversed: string, delimiters: string, literal: string) => {
      if (letter === undefined) return LITERALS[literal] ?? whole;
      const value = macroValue(letter.toLowerCase(), values);
      if (value === undefined) return whole;
      const part = transformed(value, Number(digits), reversed !== "", delimiters === "" ? "." : delimiters);
      return letter === letter.toLowerCase() ? part : urlEscaped(part);
    },
  );
}

function macroValue(letter: string, values: MacroValues): string | undefined {
  const { sender, clientAddress } = values;
  const at = sender.lastIndexOf("@");
  switch (letter) {
    case "s":
      return sender;
    case "l":
      return sender.slice(0, at);
    case "o":
      return sender.slice(at + 1);
    case "d":
      return values.domain;
    case "i":
      return clientAddress.includes(":") ? nibbles(clientAddress) : clientAddress;
    case "c":
      return clientAddress;
    case "h":
      return values.helo;
    case "r":
      return values.receiver;
    case "t":
      return String(values.seconds);
    case "v":
      return clientAddress.includes(":") ? "ip6" : "in-addr";
    case "p":
      // RFC 7208 §7.3 advises against it, and has this word for a client without a validated name.
      return "unknown";
    default:
      return undefined;
  }
}

/** An IPv6 address, octet by half octet, with dots between them (RFC 7208 §7.3). */
const nibbles = (address: string): string =>
  Array.from(groupsOf(address), (group) => [...group.toString(16).padStart(4, "0")].join(".")).join(".");

/** The last parts of it, turned round if that is wanted; 0: all. */
function transformed(value: string, count: number, isReversed: boolean, delimiters: string): string {
  const parts: string[] = [""];
  for (const char of value) {
    if (delimiters.includes(char)) parts.push("");
    else parts.push((parts.pop() ?? "") + char);
  }
  if (isReversed) parts.reverse();
  return parts.slice(count === 0 ? 0 : -count).join(".");
}

/** RFC 7208 §7.3: all but the unreserved characters of RFC 3986. */
const urlEscaped = (text: string): string =>
  text.replace(/[^A-Za-z0-9\-._~]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
