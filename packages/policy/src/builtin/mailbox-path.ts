import { join } from "node:path";
import { DeferError, domainOf, localPartOf } from "@postbus/mail";

/** RFC 5321 §4.5.3.1.1 and .2. */
const MAX_LOCAL_PART = 64;
const MAX_DOMAIN = 255;

/**
 * The name of a local part's mailbox, undefined if it must not have one. Peers choose local parts: one that could
 * leave its directory (`/`, `..`), hide in it or break out of a log line gets none.
 */
export function mailboxName(localPart: string): string | undefined {
  // "a b"@c and a\ b@c are the same mailbox (RFC 5321 §4.1.2); the case of its letters does not matter, as in Exim.
  const plain = /^".*"$/.test(localPart) ? localPart.slice(1, -1).replace(/\\(.)/g, "$1") : localPart;
  return isPathComponent(plain, MAX_LOCAL_PART) ? plain.toLowerCase() : undefined;
}

/**
 * `<base>/<domain>/<local part>`.
 *
 * @param qualifyDomain Of an address without a domain.
 * @throws {DeferError} no safe path can be made of the address. ACL and routing refuse such addresses; an item that
 *   has one all the same was made under another policy, and waits until somebody has looked.
 */
export function mailboxPath(base: string, qualifyDomain: string, address: string): string {
  const name = mailboxName(localPartOf(address));
  const domain = address.includes("@") ? domainOf(address) : qualifyDomain;
  if (name === undefined || !isPathComponent(domain, MAX_DOMAIN)) {
    throw new DeferError("maildir", "no mailbox can have the name of this address");
  }
  return join(base, domain, name);
}

function isPathComponent(word: string, maxLength: number): boolean {
  if (word.length === 0 || word.length > maxLength || word === "." || word === "..") return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  return !/[/\\\x00-\x1f\x7f]/.test(word);
}
