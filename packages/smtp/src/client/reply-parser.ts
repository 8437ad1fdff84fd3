/** A reply as the peer sent it (RFC 5321 §4.2). */
export interface PeerReply {
  readonly code: number;
  /** All lines with their codes, joined by LF, latin1: what Exim shows in its log. */
  readonly text: string;
}

export type ParsedReply =
  | { readonly kind: "incomplete" }
  | { readonly kind: "reply"; readonly reply: PeerReply }
  /** The peer does not speak SMTP, or says more than we are ready to hold. @property text What it said, cut. */
  | { readonly kind: "malformed"; readonly text: string };

/** RFC 5321 §4.5.3.1.5 allows 512 octets; Exim takes 4096. */
const MAX_LINE_OCTETS = 4096;
/** A whole reply with all its lines: a long EHLO answer is 1 KB. Bounds a `250-` that never ends. */
const MAX_REPLY_OCTETS = 16 * 1024;

const CR = 13;
const LF = 10;
const BLANK = 32;
const HYPHEN = 45;
const ZERO = 48;

const INCOMPLETE: ParsedReply = { kind: "incomplete" };

/**
 * Takes replies out of the peer's octets, however they are cut into chunks.
 *
 * A line may end with a bare LF, as Exim has it: what a reply says ends at its line, so nothing can be hidden behind.
 */
export class ReplyParser {
  #octets: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Earlier lines of a reply that is not complete. */
  #lines = "";
  #code = 0;
  #malformed: string | undefined;

  /** `octets` may be reused by the caller once `next` has answered "incomplete". */
  push(octets: Buffer): void {
    this.#octets = this.#at < this.#octets.length ? Buffer.concat([this.#octets.subarray(this.#at), octets]) : octets;
    this.#at = 0;
  }

  /** Whether something came that no reply has been made of. */
  get hasRest(): boolean {
    return this.#at < this.#octets.length || this.#lines !== "" || this.#malformed !== undefined;
  }

  /** The next reply; after "malformed" there is no other answer. */
  next(): ParsedReply {
    if (this.#malformed !== undefined) return { kind: "malformed", text: this.#malformed };
    const octets = this.#octets;
    while (true) {
      const end = octets.indexOf(LF, this.#at);
      if (end === -1) return this.#keepRest();
      const start = this.#at;
      const lineEnd = end > start && octets[end - 1] === CR ? end - 1 : end;
      if (lineEnd - start > MAX_LINE_OCTETS) return this.#refuse(octets, start);
      const code = codeAt(octets, start, lineEnd);
      if (code === 0 || (this.#lines !== "" && code !== this.#code)) return this.#refuse(octets, start, lineEnd);
      this.#at = end + 1;
      const line = octets.toString("latin1", start, lineEnd);
      const text = this.#lines === "" ? line : `${this.#lines}\n${line}`;
      if (octets[start + 3] !== HYPHEN || lineEnd === start + 3) {
        this.#lines = "";
        return { kind: "reply", reply: { code, text } };
      }
      if (text.length > MAX_REPLY_OCTETS) return this.#refuse(octets, start, lineEnd);
      this.#lines = text;
      this.#code = code;
    }
  }

  #keepRest(): ParsedReply {
    const rest = this.#octets.subarray(this.#at);
    if (rest.length > MAX_LINE_OCTETS) return this.#refuse(rest, 0);
    // A copy: the caller reads the next chunk into the same memory.
    this.#octets = Buffer.from(rest);
    this.#at = 0;
    return INCOMPLETE;
  }

  #refuse(octets: Buffer, start: number, end = octets.length): ParsedReply {
    const said = octets.toString("latin1", start, Math.min(end, start + 512));
    const text = this.#lines === "" ? said : `${this.#lines.slice(0, 512)}\n${said}`;
    this.#malformed = text;
    return { kind: "malformed", text };
  }
}

/** @returns 0 if no reply line starts here: RFC 5321 §4.2 wants 2yz to 5yz, then a blank, a hyphen or the end. */
function codeAt(octets: Buffer, start: number, end: number): number {
  if (end - start < 3) return 0;
  const first = (octets[start] ?? 0) - ZERO;
  const second = (octets[start + 1] ?? 0) - ZERO;
  const third = (octets[start + 2] ?? 0) - ZERO;
  if (first < 2 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return 0;
  const separator = end - start === 3 ? BLANK : octets[start + 3];
  if (separator !== BLANK && separator !== HYPHEN) return 0;
  return first * 100 + second * 10 + third;
}
