import { type Content, contentSize, type SpoolReference } from "@postbus/contracts";
import type { Publication, Queue } from "../bus.ts";

/** An item as it is stored: JSON, with short names since there is one of these for every step of every message. */
export interface StoredItem {
  /** Subject. */
  readonly s: string;
  /** Message id. */
  readonly m: string;
  /** Octets of content. */
  readonly z: number;
  /** Where spooled content is; absent: it is inline, in the table of contents. */
  readonly c?: SpoolReference;
  /** Not-before time, milliseconds since the epoch. */
  readonly n?: number;
  /** Why it is frozen. */
  readonly r?: string;
  /** Header. */
  readonly h: unknown;
}

/** A publication with what the table wants of it. Made when it comes in: what cannot be JSON is its caller's error. */
export interface Outgoing {
  readonly publication: Publication;
  readonly queue: Queue;
  readonly json: string;
}

/** LMDB's keys are bounded; so are ids. Nothing but printable ASCII: the order of keys is that of the text. */
const ID = /^[\x21-\x7e]{1,400}$/;

export function outgoing(publication: Publication): Outgoing {
  const { id, messageId, subject, content, header, notBeforeMs, frozen } = publication;
  if (!ID.test(id) || !ID.test(messageId)) throw new TypeError(`bus: not an id: ${JSON.stringify([id, messageId])}`);
  const item: StoredItem = {
    s: subject,
    m: messageId,
    z: contentSize(content),
    ...(content.kind === "spooled" ? { c: { id: content.id, size: content.size, sha256: content.sha256 } } : {}),
    ...(notBeforeMs === undefined ? {} : { n: notBeforeMs }),
    ...(frozen === undefined ? {} : { r: frozen }),
    h: header,
  };
  return { publication, queue: queueOf(subject), json: JSON.stringify(item) };
}

/** The second token of the subject is the kind of work. */
export function queueOf(subject: string): Queue {
  if (subject.startsWith("mail.route.")) return "route";
  if (subject.startsWith("mail.deliver.")) return "deliver";
  throw new TypeError(`bus: not a subject of work: ${JSON.stringify(subject)}`);
}

/** What was stored by this program was checked before it was stored. */
export const parseItem = (stored: Buffer | string): StoredItem => JSON.parse(stored.toString()) as StoredItem;

export const spooledContent = (reference: SpoolReference): Content => ({ kind: "spooled", ...reference });
