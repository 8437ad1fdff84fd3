import { createHash } from "node:crypto";
import { domainOf, localPartOf } from "@postbus/mail";
import { lowerCase } from "@postbus/policy";
import { srsHash } from "./srs-hash.ts";
import { MAX_ADDRESS, plainAddress, writtenAddress } from "./srs-local-part.ts";
import type { SrsSettings } from "./srs-settings.ts";
import { srsTimestamp } from "./srs-timestamp.ts";

/** A return path of ours, or why there is none. */
export type Forwarded = { readonly address: string } | { readonly problem: string };

/** A sender behind the first forwarder: that one is kept, whoever comes between (SRS1). */
const FIRST = /^SRS0([-+=][\s\S]*)$/i;
/** Hash, host of the first forwarder, the rest of its SRS0 address with its separator. */
const FURTHER = /^SRS1[-+=][^=]*=([^=]+)=([-+=][\s\S]*)$/i;

/**
 * The return path under which a message is forwarded, by the rules of Mail::SRS: one that leads back to the sender, and that
 * nobody else can make.
 *
 * @param alias The domain of the new address.
 */
export function srsForward(sender: string, alias: string, settings: SrsSettings, nowMs: number): Forwarded {
  const plain = plainAddress(sender);
  if (plain === undefined) return { problem: `"${sender}" has no domain` };
  const { localPart, domain } = plain;
  if (lowerCase(domain) === lowerCase(alias)) return { address: sender };
  const [, rest] = FIRST.exec(localPart) ?? [];
  if (rest !== undefined) return made(further(domain, rest, settings), alias);
  const [, host, inner] = FURTHER.exec(localPart) ?? [];
  if (host !== undefined && inner !== undefined) return made(further(host, inner, settings), alias);
  const stamp = settings.usesTimestamp ? srsTimestamp(nowMs) : "";
  const hash = srsHash(settings, stamp, domain, localPart);
  return made(fields("SRS0", [settings.usesHash ? hash : "", stamp], `${domain}=${localPart}`), alias);
}

/** The same where the sender is kept in a database: a key stands for him, and no domain before it. */
export function srsForwardKey(key: string, alias: string, settings: SrsSettings, nowMs: number): Forwarded {
  const stamp = settings.usesTimestamp ? srsTimestamp(nowMs) : "";
  const hash = srsHash(settings, stamp, key);
  return made(fields("SRS0", [settings.usesHash ? hash : "", stamp], `=${key}`), alias);
}

/** The key of a sender on a day: 80 bits, in 16 characters that survive everything. */
export function srsKey(sender: string, { secrets }: SrsSettings, nowMs: number): string {
  const digest = createHash("sha256").update(
    [secrets[0] ?? "", `${localPartOf(sender)}@${lowerCase(domainOf(sender))}`, srsTimestamp(nowMs)].join("\0"),
    "latin1",
  );
  const bits = BigInt(`0x${digest.digest("hex").slice(0, 20)}`);
  return Array.from({ length: 16 }, (_, i) => KEY_DIGITS.charAt(Number((bits >> BigInt(75 - 5 * i)) & 31n))).join("");
}

const KEY_DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

function further(host: string, rest: string, settings: SrsSettings): string {
  return fields("SRS1", [settings.usesHash ? srsHash(settings, host, rest) : ""], `${host}=${rest}`);
}

/** Fields that are not used are left out. */
const fields = (tag: string, own: readonly string[], rest: string): string =>
  [tag, ...own.filter((field) => field !== ""), rest].join("=");

function made(localPart: string, alias: string): Forwarded {
  const address = writtenAddress({ localPart, domain: alias });
  return address.length > MAX_ADDRESS ? { problem: "the rewritten address is too long" } : { address };
}
