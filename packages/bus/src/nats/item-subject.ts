import { createHash } from "node:crypto";
import type { Queue } from "../bus.ts";

/** A subject is part of every command on the wire, and the server bounds a line (4 KiB). */
const MAX_TOKEN = 120;

/** In the place of a shard. */
const BUNDLE = "bundle";

/**
 * An id as one token of a subject. Ids are case-sensitive, so what `subjectToken` does to a domain would not do: what
 * is not a letter, digit, `-` or `_` is carried in base64, and overlong ids as their hash.
 */
export function idToken(id: string): string {
  if (/^[A-Za-z0-9_-]{1,120}$/.test(id)) return id;
  const encoded = `=${Buffer.from(id).toString("base64url")}`;
  return encoded.length <= MAX_TOKEN ? encoded : `=h${createHash("sha256").update(id).digest("hex")}`;
}

/** Names an item on the wire; every item has a subject of its own, so that it can be found, moved and removed. */
export interface ItemName {
  readonly queue: Queue;
  readonly messageId: string;
  readonly id: string;
}

/** Message and item as the last two tokens of a subject. */
export const tail = ({ messageId, id }: Pick<ItemName, "messageId" | "id">): string =>
  `${idToken(messageId)}.${idToken(id)}`;

/** `mail.route.0.<message>.<item>`: the published subject with the item's name behind it. */
export const workSubject = (prefix: string, subject: string, name: ItemName): string =>
  `${prefix}${subject}.${tail(name)}`;

/** `mail.route.bundle.<name>`: several items that were committed together. */
export const bundleSubject = (prefix: string, queue: Queue, name: string): string =>
  `${prefix}mail.${queue}.${BUNDLE}.${name}`;

/** Header that names the items of a bundle, as `tail`, with blanks between: who looks for an item need not read the octets. */
export const BUNDLE_ITEMS = "Postbus-Items";
/** Its value in a message that only takes the place of others. */
const NO_ITEMS = "-";

export const tailOf = (subject: string): string => subject.split(".").slice(-2).join(".");

/** Which items a message holds, as `tail`s. @param items Its header `BUNDLE_ITEMS`; empty where it holds one. */
export function tailsOf(subject: string, items: string): string[] {
  if (items === NO_ITEMS) return [];
  return items === "" ? [tailOf(subject)] : items.split(" ");
}

/** Header of a message whose items may have been handed out under another sequence: to be looked up before they are handled. */
export const MOVED = "Postbus-Moved";

/** Headers of a message that takes the place of items which their publisher gave up. */
export const cancelledHeaders: Readonly<Record<string, string>> = { [BUNDLE_ITEMS]: NO_ITEMS };

/** One copy of an item, as it lies in a stream: tokens of a subject. @param index Which one of a bundle. */
export const copyName = (stream: string, seq: number, index?: number): string =>
  index === undefined ? `${stream}.${seq}` : `${stream}.${seq}.${index}`;

export const deferredSubject = (prefix: string, name: ItemName): string =>
  `${prefix}mail.deferred.${name.queue}.${tail(name)}`;

/** Where a deferred item appears when its time has come: beside the schedule, in the same stream. */
export const dueSubject = (prefix: string, name: ItemName): string => `${prefix}mail.due.${name.queue}.${tail(name)}`;

export const frozenSubject = (prefix: string, name: ItemName): string =>
  `${prefix}mail.frozen.${name.queue}.${tail(name)}`;

/** The queue that a subject belongs to, its second token. */
export function queueOf(subject: string): Queue {
  const [mail, queue] = subject.split(".", 2);
  if (mail === "mail" && (queue === "route" || queue === "deliver")) return queue;
  throw new Error(`no queue has the subject ${subject}`);
}
