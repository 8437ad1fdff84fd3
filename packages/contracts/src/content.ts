import { type Static, Type } from "typebox";

/**
 * Where a message's octets are (header section and body, CRLF line ends, no dot-stuffing).
 *
 * Inline content travels beside the item's header as raw octets; spooled content was written to the spool while it
 * arrived, under the message's id, and is read with its digest checked.
 */
export type Content =
  | { readonly kind: "inline"; readonly octets: Buffer }
  | ({ readonly kind: "spooled" } & SpoolReference);

/** What an item's header says of content that is not in the item. */
export const SpoolReference = Type.Object(
  {
    /** The message id under which it was stored. */
    id: Type.String({ minLength: 1 }),
    /** Octets. */
    size: Type.Integer({ minimum: 0 }),
    /** SHA-256 of the octets, hexadecimal. */
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  },
  { additionalProperties: false },
);
export type SpoolReference = Static<typeof SpoolReference>;

/** Octets up to which content travels in the item. Measured: above it, copying costs more than a second look-up. */
export const INLINE_LIMIT_OCTETS = 128 * 1024;

/**
 * A name in the spool for content of a message that may be made twice with other octets: what an item refers to must not be
 * written again. @param mark Letters and digits, another one each time.
 */
export const spoolName = (messageId: string, mark: string): string => `${messageId}${BEFORE_MARK}${mark}`;

/** Which message's content it is. */
export const messageOfSpooled = (name: string): string => name.split(BEFORE_MARK, 1)[0] ?? name;

const BEFORE_MARK = "--";

export const contentSize = (content: Content): number =>
  content.kind === "inline" ? content.octets.length : content.size;
