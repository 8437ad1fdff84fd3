import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { isHeloName } from "./helo-name.ts";

/** What a proxy says of a client by XCLIENT (Postfix's XCLIENT_README). What it does not say is undefined. */
export interface XclientValues {
  /** By the reverse DNS, as the proxy has verified it; empty: the client has none. */
  name?: string;
  /** Without a zone; empty: not known. */
  address?: string;
  port?: number;
  /** `PROTO` */
  isExtended?: boolean;
  helo?: string;
  /** Whom the client has shown itself to be. */
  login?: string;
  /** What the client had connected to. */
  destinationAddress?: string;
  destinationPort?: number;
}

/** The attributes, as EHLO offers them. */
export const XCLIENT_ATTRIBUTES = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

const UNAVAILABLE = "[UNAVAILABLE]";
const NOT_NOW = "[TEMPUNAVAIL]";

/** Sets what an attribute says. @returns whether it may say so. */
type Read = (value: string, into: XclientValues) => boolean;

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  [
    "NAME",
    (value, into) => {
      // Somebody may want to ask again.
      if (value === NOT_NOW) return true;
      into.name = value === UNAVAILABLE ? "" : value;
      return value === UNAVAILABLE || /^[A-Za-z0-9._-]{1,255}$/.test(value);
    },
  ],
  [
    "ADDR",
    (value, into) => {
      const address = addressOf(value);
      if (address !== undefined) into.address = address;
      return address !== undefined;
    },
  ],
  [
    "PORT",
    (value, into) => {
      if (!isUnavailable(value)) into.port = Number(value);
      return isUnavailable(value) || isPort(value);
    },
  ],
  [
    "PROTO",
    (value, into) => {
      into.isExtended = value.toUpperCase() === "ESMTP";
      return /^E?SMTP$/i.test(value);
    },
  ],
  [
    "HELO",
    (value, into) => {
      if (!isUnavailable(value)) into.helo = value;
      return isUnavailable(value) || isHeloName(value);
    },
  ],
  [
    "LOGIN",
    (value, into) => {
      if (!isUnavailable(value)) into.login = value;
      return value !== "";
    },
  ],
  [
    "DESTADDR",
    (value, into) => {
      const address = addressOf(value);
      if (address !== undefined) into.destinationAddress = address;
      return address !== undefined;
    },
  ],
  [
    "DESTPORT",
    (value, into) => {
      if (!isUnavailable(value)) into.destinationPort = Number(value);
      return isUnavailable(value) || isPort(value);
    },
  ],
]);

/** Reads the arguments of XCLIENT: `NAME=value …`, the values as xtext (RFC 3461 §4). @returns What is wrong, as a string. */
export function parseXclient(text: string): XclientValues | string {
  const values: XclientValues = {};
  const seen = new Set<Read>();
  if (text.trim() === "") return "XCLIENT must have attributes";
  for (const word of text.trim().split(/ +/)) {
    const [, name = "", encoded = ""] = /^([A-Za-z]+)=(.+)$/.exec(word) ?? [];
    const read = READERS.get(name.toUpperCase());
    if (read === undefined) return "XCLIENT with an unknown attribute";
    const value = decoded(encoded);
    if (seen.has(read) || value === undefined || !read(value, values)) {
      return `XCLIENT with a bad value of ${name.toUpperCase()}`;
    }
    seen.add(read);
  }
  return values;
}

const isUnavailable = (value: string): boolean => value === UNAVAILABLE || value === NOT_NOW;
const isPort = (value: string): boolean => /^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535;

/** Undefined: it is none. */
function addressOf(value: string): string | undefined {
  if (isUnavailable(value)) return "";
  if (isIPv4(value)) return value;
  const [, address = ""] = /^IPV6:(.*)$/i.exec(value) ?? [];
  if (!isIPv6(address) || address.includes("%")) return undefined;
  return new SocketAddress({ family: "ipv6", address }).address;
}

/** Undefined: it is no xtext, or holds control characters. */
function decoded(text: string): string | undefined {
  if (/\+(?![0-9A-F]{2})/.test(text)) return undefined;
  const value = text.replace(/\+([0-9A-F]{2})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 16)));
  return /^[ -~\x80-\xff]*$/.test(value) ? value : undefined;
}
