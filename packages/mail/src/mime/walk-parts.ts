import { type LineCursor, nextLine } from "./line-cursor.ts";
import { noFields, type PartFields, takeHeader } from "./part-fields.ts";
import { readPartHeader } from "./part-header.ts";

/** One part of a message, at the moment when its header has been read. */
export interface MimePart {
  readonly fields: PartFields;
  /** Parts before it. */
  readonly index: number;
  readonly isMultipart: boolean;
  /** It is, or is in, what a reader sees first: not an attachment. */
  readonly isCoverLetter: boolean;
  /** Where its body begins: octets before it. */
  readonly bodyStart: number;
  /** Of the multipart that it is in; undefined: it ends with the content. */
  readonly boundary: string | undefined;
}

/** What is done with parts. Each promise is waited for. */
export interface PartVisitor {
  /** @returns whether to go on. */
  part(part: MimePart): Promise<boolean>;
  /** A part that is a message: after `part`, and if that wanted to go on. */
  message(part: MimePart): Promise<void>;
}

/** Multiparts within each other, as in Exim 4.100. Honest mail has four or five. */
const MAX_DEPTH = 63;
/** Parts of one message. */
const MAX_PARTS = 10_000;
/** What of a line is compared with a boundary at one time; longer lines are several. As in Exim. */
const MAX_LINE = 8191;

/** There are too many parts, or too deep: nothing can be said of the whole. */
export class TooManyPartsError extends Error {
  override readonly name = "TooManyPartsError";
}

interface Level {
  readonly boundary: string;
  readonly depth: number;
  /** `once`: the first part is the cover letter. */
  cover: "all" | "once" | "none";
}

/**
 * Goes through the parts of a message from its header on, as Exim does: a boundary is any line that begins with it, and that
 * of an outer multipart does not end an inner one (against RFC 2046 §5.1.2).
 *
 * @param decodeText As `takeHeader` wants it.
 * @returns whether it went to the end.
 * @throws {TooManyPartsError}
 */
export async function walkParts(
  cursor: LineCursor,
  decodeText: (text: string) => string,
  visitor: PartVisitor,
): Promise<boolean> {
  let count = 0;
  const walk = async (level: Level | undefined): Promise<boolean> => {
    for (;;) {
      if (level !== undefined && !(await findBoundary(cursor, level.boundary))) return true;
      if (count >= MAX_PARTS) throw new TooManyPartsError(`more than ${MAX_PARTS} MIME parts`);
      const fields = await readFields(cursor, decodeText);
      const { type, boundary } = fields;
      const part: MimePart = {
        fields,
        index: count++,
        isMultipart: type.startsWith("multipart"),
        isCoverLetter: level?.cover !== "none",
        bodyStart: cursor.position,
        boundary: level?.boundary,
      };
      if (!(await visitor.part(part))) return false;
      if (part.isMultipart && boundary !== "") {
        if (!(await walk(inside(part, level)))) return false;
      } else if (type.startsWith("message/rfc822")) {
        await visitor.message(part);
      }
      if (level === undefined) return true;
      if (level.cover === "once") level.cover = "none";
    }
  };
  return walk(undefined);
}

function inside({ fields: { type, boundary }, isCoverLetter }: MimePart, outer: Level | undefined): Level {
  const depth = (outer?.depth ?? 0) + 1;
  if (depth > MAX_DEPTH) throw new TooManyPartsError(`MIME parts more than ${MAX_DEPTH} deep`);
  if (!isCoverLetter) return { boundary, depth, cover: "none" };
  const isWhole = type === "multipart/alternative" || type === "multipart/related";
  return { boundary, depth, cover: isWhole ? "all" : "once" };
}

/** @returns false: there is no further part. */
async function findBoundary(cursor: LineCursor, boundary: string): Promise<boolean> {
  const start = `--${boundary}`;
  for (;;) {
    const line = cursor.line(MAX_LINE) ?? (await nextLine(cursor, MAX_LINE));
    if (line === undefined) return false;
    if (line.startsWith(start)) return !line.startsWith("--", start.length);
  }
}

async function readFields(cursor: LineCursor, decodeText: (text: string) => string): Promise<PartFields> {
  const fields = noFields();
  for (;;) {
    const header = await readPartHeader(cursor);
    if (header === undefined) return fields;
    takeHeader(header, fields, decodeText);
  }
}
