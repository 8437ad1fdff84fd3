import { decodeXtext, isXtext } from "@postbus/mail";
import { plainText } from "./plain-text.ts";

/** RFC 5321 §4.5.3.1: 64 + 1 + 255, with room for what is longer in practice; RFC 5322 §2.1.1 allows 998 octets in a line. */
export const MAX_ADDRESS = 500;
const ADDRESS_TYPE = /^([A-Za-z0-9-]{1,40});([\s\S]*)$/;

/**
 * An address in a field of message/delivery-status: `rfc822;` and the address. What is not ASCII is of type `utf-8`: as it
 * is in a report for UTF-8, else with its characters as `\x{HEX}` (RFC 6533 §3).
 */
export function typedAddress(address: string, isUtf8: boolean): string {
  if (/^[\x20-\x7e]*$/.test(address)) return `rfc822;${plainText(address, MAX_ADDRESS)}`;
  const characters = Buffer.from(address, "latin1").toString("utf8");
  // Octets that are no UTF-8, and control characters: only what can be shown of them.
  if (/[\p{Cc}\ufffd]/u.test(characters)) return `rfc822;${plainText(address, MAX_ADDRESS)}`;
  if (isUtf8) return `utf-8;${plainText(address, MAX_ADDRESS, true)}`;
  const encoded = characters.replace(
    /[^!-*,-<>-[\]-~]/gu,
    (c) => `\\x{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  );
  return `utf-8;${plainText(encoded, MAX_ADDRESS)}`;
}

/**
 * ORCPT for Original-Recipient: its type as it came, its xtext decoded (RFC 3464 §2.3.1).
 *
 * @returns undefined: it is none.
 */
export function originalAddress(originalRecipient: string, isUtf8: boolean): string | undefined {
  const [, type = "", text] = ADDRESS_TYPE.exec(originalRecipient) ?? [];
  if (text === undefined) return undefined;
  // Addresses of type utf-8 have a coding of their own, which a report may hold as it is.
  if (type.toLowerCase() === "utf-8") return `utf-8;${plainText(text, MAX_ADDRESS, isUtf8)}`;
  return `${type};${plainText(isXtext(text) ? decodeXtext(text) : text, MAX_ADDRESS)}`;
}
