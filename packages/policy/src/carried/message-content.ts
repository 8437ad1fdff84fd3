import { BodyGlance, headerFields, headerSectionEnd, trim } from "@postbus/mail";
import type { Headers } from "../expansion/evaluation.ts";
import { decodeWords } from "../expansion/rfc2047.ts";
import type { VariableTest } from "../policy.ts";

type Known = string | number | undefined;

/** A header section of content in the spool is looked at up to here, in octets. */
const MAX_HEADER_OCTETS = 16 * 1024 * 1024;

/**
 * What routers and transports may know of a message's content: `$h_…`, `$message_headers`, `$message_body` and their like. Nothing is
 * looked at before something is asked.
 */
export class MessageContent implements Headers {
  /** The beginning of the content, and perhaps all of it. */
  readonly #octets: Buffer;
  readonly #headerEnd: number;
  readonly #visible: number;
  #values: Map<string, string[]> | undefined;
  #glance: BodyGlance | undefined;

  /** @param glance At the body, if that is not all in the octets. @param visible `message_body_visible`. */
  constructor(octets: Buffer, visible: number, glance?: BodyGlance) {
    this.#octets = octets;
    this.#headerEnd = headerSectionEnd(octets);
    this.#visible = visible;
    this.#glance = glance;
  }

  occurrences(name: string): readonly string[] {
    this.#values ??= valuesIn(this.#octets);
    return this.#values.get(name) ?? NONE;
  }

  /** The value of a variable that is about the content; undefined: it is not. */
  get(name: string): Known {
    return READERS.get(name)?.(this);
  }

  /** Lines end with LF. */
  get headerText(): string {
    const fields = headerFields(this.#octets);
    return withLf(this.#octets.toString("latin1", 0, fields.at(-1)?.end ?? 0));
  }

  get body(): BodyGlance {
    if (this.#glance === undefined) {
      this.#glance = new BodyGlance(this.#visible);
      this.#glance.add(this.#octets.subarray(this.#headerEnd));
    }
    return this.#glance;
  }
}

const NONE: readonly string[] = [];

function valuesIn(octets: Buffer): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const { name, valueStart, end } of headerFields(octets)) {
    const value = withLf(octets.toString("latin1", valueStart, end));
    values.getOrInsertComputed(name, () => []).push(value);
  }
  return values;
}

const withLf = (text: string): string => text.replaceAll("\r\n", "\n");

const READERS: ReadonlyMap<string, (content: MessageContent) => Known> = new Map(
  Object.entries({
    message_headers: ({ headerText }) => decodeWords(headerText.replace(/\n$/, ""), undefined),
    message_headers_raw: ({ headerText }) => headerText,
    message_body: ({ body }) => visible(body.start),
    message_body_end: ({ body }) => visible(body.end),
    message_body_size: ({ body }) => body.size - body.lines,
    body_linecount: ({ body }) => body.lines,
    body_zerocount: ({ body }) => body.zeros,
    message_linecount: (content) => content.body.lines + receivedHeaderLines(content),
    received_count: (content) => content.occurrences("received").length,
    reply_address: (content) => replyAddress(content),
  } satisfies Record<string, (content: MessageContent) => Known>),
);

/** With the empty line behind them, without the Received field that we have put on top. */
function receivedHeaderLines(content: MessageContent): number {
  const [own = ""] = content.occurrences("received");
  return content.headerText.split("\n").length - (own.split("\n").length - 1);
}

/** Line ends and NULs as blanks, as `message_body_newlines` has it by default. */
const visible = (body: string): string => body.replaceAll(/[\n\0]/g, " ");

function replyAddress(headers: Headers): string {
  const [first = "", second = ""] = ["reply-to", "from"].map((name) => trim(headers.occurrences(name).join(",")));
  return first === "" ? second : first;
}

/**
 * The content for strings that may name it. Content in memory is taken as it is. Of content in the spool, that is read which is
 * named: all of it only for its size, its lines and its end.
 *
 * @returns undefined: the content is in the spool, and nothing is named.
 * @throws {SpoolError} it is not there. @throws {DeferError} it cannot be read now.
 */
export function messageContent<S extends { readonly kind: "spooled" }>(
  content: { readonly kind: "inline"; readonly octets: Buffer } | S,
  names: VariableTest | undefined,
  read: (content: S) => AsyncIterable<Buffer>,
  visibleOctets: number,
): MessageContent | undefined | Promise<MessageContent> {
  if (names === undefined) return undefined;
  if (content.kind === "inline") return new MessageContent(content.octets, visibleOctets);
  const isWhole = WHOLE.some((name) => names(name));
  if (!isWhole && !["message_headers", "message_body"].some((name) => names(name))) return undefined;
  return spooled(read(content), isWhole, visibleOctets);
}

/** Who names these wants to know of the whole body. */
const WHOLE = [
  "message_body_end",
  "message_body_size",
  "body_linecount",
  "body_zerocount",
  "message_linecount",
] as const;

async function spooled(
  pieces: AsyncIterable<Buffer>,
  isWhole: boolean,
  visibleOctets: number,
): Promise<MessageContent> {
  let octets = Buffer.alloc(0);
  let headerEnd: number | undefined;
  const glance = new BodyGlance(visibleOctets);
  for await (const piece of pieces) {
    if (headerEnd !== undefined) {
      glance.add(piece);
    } else {
      octets = Buffer.concat([octets, piece]);
      const isThere = octets.includes("\r\n\r\n") || octets.length > MAX_HEADER_OCTETS;
      if (!isThere) continue;
      headerEnd = headerSectionEnd(octets);
      glance.add(octets.subarray(headerEnd));
    }
    // Twice as much as is shown: half of it may be CRs.
    if (!isWhole && glance.size >= 2 * visibleOctets) break;
  }
  if (headerEnd === undefined) glance.add(octets.subarray(headerSectionEnd(octets)));
  return new MessageContent(octets, visibleOctets, glance);
}
