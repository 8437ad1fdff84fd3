import { type Content, contentSize, type SpoolReference } from "@postbus/contracts";
import { DeferError, headerSectionEnd } from "@postbus/mail";
import type { HeaderRewriting } from "@postbus/policy";
import type { Spool } from "@postbus/spool";
import { changedHeader } from "./changed-header.ts";
import { rewrittenSection } from "./rewritten-section.ts";

/** How a message differs, where it leaves us, from what came in. */
export interface ContentChanges {
  /** Fields that come first, each with its final LF: `Return-path:` and its relatives. */
  readonly top: string;
  /** Names of fields that are left out; with a star at the end, the beginning of such. */
  readonly headersRemove: readonly string[];
  /** Fields that come behind those of the message, each with its final LF. */
  readonly headersAdd: readonly string[];
  /** `headers_only`, with the blank line; `body_only`, without it and without any field. */
  readonly only?: "headers" | "body";
  /** What rules make of the lines that the message has come with. */
  readonly rewriteHeader?: HeaderRewriting | undefined;
}

/** Octets on their way through a program. */
export type ContentFilter = (octets: Buffer | AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** What else stands between a content and whoever it goes to. */
export interface OnTheWay {
  /** Each time that the octets are read, it runs. */
  readonly filter?: ContentFilter | undefined;
  /** A line for the log. */
  readonly note?: ((text: string) => void) | undefined;
}

/** Content as it leaves us: as it came, or with other octets in the place of its first ones. */
export type OutgoingContent = Content | ChangedContent | FilteredContent;

/** Nobody knows how long it is before it has been read. */
interface FilteredContent {
  readonly kind: "filtered";
  readonly of: Content | ChangedContent;
  readonly filter: ContentFilter;
}

/** Nothing of the body is copied. */
interface ChangedContent {
  readonly kind: "changed";
  /** Stands where the first octets of the content stood. */
  readonly head: Buffer;
  readonly of: Content;
  /** How many these were. */
  readonly from: number;
  readonly endsWithHead: boolean;
}

/** A header section that is longer than this is not changed, since it is held in memory for that. */
const MAX_HEADER_OCTETS = 16 * 1024 * 1024;

/** As long as this, one piece is sooner sent than two; octets. */
const JOINED_OCTETS = 64 * 1024;

/**
 * Content with its changes. Nothing is read where nothing is changed, or where it is only the top; of content in the spool, only
 * the header section.
 *
 * @param changes Undefined: none.
 * @throws {SpoolError} @throws {DeferError}
 */
export function outgoingContent(
  content: Content,
  changes: ContentChanges | undefined,
  spool: Pick<Spool, "read">,
  onTheWay?: OnTheWay,
): OutgoingContent | Promise<OutgoingContent> {
  const filter = onTheWay?.filter;
  const outgoing = changedContent(content, changes, spool, onTheWay?.note);
  if (filter === undefined) return outgoing;
  if (outgoing instanceof Promise) return outgoing.then((of) => ({ kind: "filtered", of, filter }));
  return { kind: "filtered", of: outgoing, filter };
}

function changedContent(
  content: Content,
  changes: ContentChanges | undefined,
  spool: Pick<Spool, "read">,
  note: OnTheWay["note"],
): Content | ChangedContent | Promise<ChangedContent> {
  if (changes === undefined) return content;
  const { top, only, headersAdd, headersRemove, rewriteHeader } = changes;
  if (only === undefined && headersAdd.length === 0 && headersRemove.length === 0 && rewriteHeader === undefined) {
    if (top === "") return content;
    return { kind: "changed", head: withCrlf(top), of: content, from: 0, endsWithHead: false };
  }
  if (content.kind === "inline") return changed(content, content.octets, changes, note);
  return beginning(spooled(content, spool)).then((octets) => changed(content, octets, changes, note));
}

/** @param octets Of the content, up to the end of its header section at least. */
function changed(
  of: Content,
  octets: Buffer,
  changes: ContentChanges,
  note: OnTheWay["note"],
): ChangedContent | Promise<ChangedContent> {
  const from = headerSectionEnd(octets);
  const { only, rewriteHeader } = changes;
  const changedTo = (section: Buffer): ChangedContent => {
    const head = only === "body" ? Buffer.alloc(0) : changedHeader(section, changes);
    return { kind: "changed", head, of, from, endsWithHead: only === "headers" };
  };
  const section = octets.subarray(0, from);
  if (rewriteHeader === undefined || only === "body") return changedTo(section);
  return rewrittenSection(section, changes.headersRemove, (line) => rewriteHeader(line, note ?? noNote)).then(
    changedTo,
  );
}

const noNote = (): void => {};

/** The content up to its first blank line, and perhaps more. */
async function beginning(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  // A blank line may be cut between pieces, and may be the first.
  let last = Buffer.from("\r\n", "latin1");
  for await (const piece of content) {
    pieces.push(Buffer.from(piece));
    length += piece.length;
    last = Buffer.concat([last, piece]);
    if (last.includes("\r\n\r\n")) break;
    if (length > MAX_HEADER_OCTETS) return sectionWithin(Buffer.concat(pieces));
    last = last.subarray(-3);
  }
  return Buffer.concat(pieces);
}

/** The header section may be over without a blank line. */
function sectionWithin(octets: Buffer): Buffer {
  if (headerSectionEnd(octets) < octets.length) return octets;
  throw new DeferError("message", "the header section is too long to be changed");
}

/** Octets, as for `SIZE=` (RFC 1870); of a filtered content, as it is before. */
export function outgoingSize(content: OutgoingContent): number {
  if (content.kind === "filtered") return outgoingSize(content.of);
  if (content.kind !== "changed") return contentSize(content);
  return content.head.length + (content.endsWithHead ? 0 : contentSize(content.of) - content.from);
}

/** In the pieces in which it is in memory; undefined: it has to be read. */
export function outgoingPieces(content: OutgoingContent): readonly Buffer[] | undefined {
  if (content.kind === "inline") return [content.octets];
  if (content.kind === "spooled" || content.kind === "filtered") return undefined;
  const { head, of, from, endsWithHead } = content;
  if (of.kind === "spooled") return undefined;
  return endsWithHead ? [head] : [head, of.octets.subarray(from)];
}

/**
 * The octets, for somebody who is done with each piece before asking for the next.
 *
 * @returns A generator that throws `SpoolError` before its last piece if what was stored is not what is there.
 */
export function readOutgoing(content: OutgoingContent, spool: Pick<Spool, "read">): Buffer | AsyncIterable<Buffer> {
  if (content.kind === "inline") return content.octets;
  const pieces = outgoingPieces(content);
  if (pieces === undefined) return outgoingStream(content, spool);
  return outgoingSize(content) <= JOINED_OCTETS ? Buffer.concat(pieces) : each(pieces);
}

/** The octets of what has no pieces in memory, as `readOutgoing` has them. */
export function outgoingStream(content: OutgoingContent, spool: Pick<Spool, "read">): AsyncIterable<Buffer> {
  if (content.kind === "filtered") return content.filter(readOutgoing(content.of, spool));
  if (content.kind === "changed" && content.of.kind === "spooled") return changedPieces(content, content.of, spool);
  return content.kind === "spooled" ? spooled(content, spool) : each(outgoingPieces(content) ?? []);
}

const spooled = (content: SpoolReference, spool: Pick<Spool, "read">): AsyncIterable<Buffer> =>
  spool.read(content, { isTransient: true });

async function* each(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** All of what was stored is read, since the digest is of all of it. */
async function* changedPieces(
  { head, from, endsWithHead }: ChangedContent,
  of: SpoolReference,
  spool: Pick<Spool, "read">,
): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  let at = 0;
  for await (const piece of spooled(of, spool)) {
    const left = Math.max(0, Math.min(from - at, piece.length));
    at += piece.length;
    if (left < piece.length && !endsWithHead) yield piece.subarray(left);
  }
}

const withCrlf = (lines: string): Buffer => Buffer.from(lines.replaceAll("\n", "\r\n"), "latin1");
