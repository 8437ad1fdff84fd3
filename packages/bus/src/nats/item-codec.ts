import type { Content, SpoolReference } from "@postbus/contracts";
import type { Publication } from "../bus.ts";

/**
 * An item on the wire: one octet that says what follows, then twice a length (32 bits, big-endian) with JSON of that
 * length, then the octets of the content. NATS headers hold only what the server must understand.
 */
const ITEM = 1;
/** Takes the place of items that their publisher gave up: whoever gets it drops it. */
const CANCELLED = 0;
/** Items that were committed together: each behind its length (32 bits, big-endian). */
const BUNDLE = 2;

/** What the bus itself must know of an item. */
export interface ItemMeta {
  readonly id: string;
  readonly messageId: string;
  /** As published. */
  readonly subject: string;
  /** Which part of its message it is, in the words of `MessageParts`; absent while the message is one item. */
  readonly part?: string;
  /** Content that is in the spool. */
  readonly spooled?: SpoolReference;
  readonly notBeforeMs?: number;
  readonly frozen?: string;
}

/** An item as read. The header is parsed when it is asked for: whoever only moves an item never does. */
export interface DecodedItem {
  readonly meta: ItemMeta;
  readonly header: unknown;
  /** The octets of the header, to be written again as they are. */
  readonly headerOctets: Buffer;
  /** Shares memory with what was decoded. */
  readonly content: Content;
}

export function metaOf(publication: Publication, part: string | undefined): ItemMeta {
  const { id, messageId, subject, content, notBeforeMs, frozen } = publication;
  return {
    id,
    messageId,
    subject,
    ...(part !== undefined && { part }),
    ...(content.kind === "spooled" && { spooled: { id: content.id, size: content.size, sha256: content.sha256 } }),
    ...(notBeforeMs !== undefined && { notBeforeMs }),
    ...(frozen !== undefined && { frozen }),
  };
}

/** @param headerOctets JSON text of the publication's header. */
export function encodeItem(meta: ItemMeta, headerOctets: Buffer, content: Content): Buffer {
  const metaText = JSON.stringify(meta);
  const metaLength = Buffer.byteLength(metaText);
  const headerAt = 5 + metaLength + 4;
  const contentAt = headerAt + headerOctets.length;
  const inline = content.kind === "inline" ? content.octets : undefined;
  const octets = Buffer.allocUnsafe(contentAt + (inline?.length ?? 0));
  octets[0] = ITEM;
  octets.writeUInt32BE(metaLength, 1);
  octets.write(metaText, 5, "utf8");
  octets.writeUInt32BE(headerOctets.length, headerAt - 4);
  headerOctets.copy(octets, headerAt);
  inline?.copy(octets, contentAt);
  return octets;
}

export const cancelledItem = (): Buffer => Buffer.of(CANCELLED);

/** Several encoded items as one message. */
export function encodeBundle(items: readonly Uint8Array[]): Buffer {
  const octets = Buffer.allocUnsafe(items.reduce((sum, item) => sum + 4 + item.length, 1));
  octets[0] = BUNDLE;
  let at = 1;
  for (const item of items) {
    at = octets.writeUInt32BE(item.length, at);
    octets.set(item, at);
    at += item.length;
  }
  return octets;
}

export const encodeItems = (items: readonly DecodedItem[]): Buffer =>
  encodeBundle(items.map(({ meta, headerOctets, content }) => encodeItem(meta, headerOctets, content)));

/** The octets of each item of a message: none if it was cancelled. @throws {RangeError | SyntaxError} */
function splitBundle(data: Uint8Array): Buffer[] {
  const octets = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (octets[0] === CANCELLED) return [];
  if (octets[0] !== BUNDLE) return [octets];
  const items: Buffer[] = [];
  for (let at = 1; at < octets.length; ) {
    const end = at + 4 + octets.readUInt32BE(at);
    if (end > octets.length) throw new RangeError("not a bundle of work items: cut short");
    items.push(octets.subarray(at + 4, end));
    at = end;
  }
  return items;
}

/** The items of a message: none if it was cancelled. @throws {RangeError | SyntaxError} if the octets are not items. */
export const decodeItems = (data: Uint8Array): DecodedItem[] => splitBundle(data).map(decodeItem);

/** @throws {RangeError | SyntaxError} if the octets are not an item. */
function decodeItem(octets: Buffer): DecodedItem {
  if (octets[0] !== ITEM) throw new SyntaxError(`not a work item: it starts with ${octets[0]}`);
  const metaEnd = 5 + octets.readUInt32BE(1);
  const headerEnd = metaEnd + 4 + octets.readUInt32BE(metaEnd);
  if (headerEnd > octets.length) throw new RangeError("not a work item: cut short");
  // Written by encodeItem and by nobody else: access to the server's subjects is ours alone.
  const meta = JSON.parse(octets.toString("utf8", 5, metaEnd)) as ItemMeta;
  const headerOctets = octets.subarray(metaEnd + 4, headerEnd);
  return {
    meta,
    headerOctets,
    get header(): unknown {
      return JSON.parse(headerOctets.toString("utf8"));
    },
    content:
      meta.spooled === undefined
        ? { kind: "inline", octets: octets.subarray(headerEnd) }
        : { kind: "spooled", ...meta.spooled },
  };
}
