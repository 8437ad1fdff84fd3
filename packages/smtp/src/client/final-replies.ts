import { errnos, printable, replyText, type Trouble } from "./error-text.ts";
import type { PeerReply } from "./reply-parser.ts";
import type { RecipientResult } from "./transaction.ts";

/**
 * How the peer answers the end of data: with one reply, with one for each recipient that it has taken (LMTP, RFC 2033 §4.2),
 * or, where it likes, with 353, one for each, and one for all (PRDR, draft-hall-prdr-00).
 */
export type FinalMode = "one" | "each" | "prdr";

/** Names in error texts: of what the reply to all is about, and of that which those of single recipients are. */
interface Commands {
  readonly end: string;
  readonly data: string;
}

/** Takes the replies behind the end of data, and gives each recipient its own. */
export class FinalReplies {
  readonly #mode: FinalMode;
  readonly #ends: (RecipientResult | undefined)[];
  readonly #commands: Commands;
  /** Positions of those whose reply is still to come. */
  readonly #waiting: number[];
  #hasBegun = false;
  /** With PRDR, nothing counts before the last reply. */
  readonly #own = new Map<number, PeerReply>();

  /** @param ends Of all recipients; without one are those that the peer has taken. Written to as they are known. */
  constructor(mode: FinalMode, ends: (RecipientResult | undefined)[], commands: Commands) {
    this.#mode = mode;
    this.#ends = ends;
    this.#commands = commands;
    this.#waiting = ends.flatMap((end, position) => (end === undefined ? [position] : []));
  }

  /** Whether each recipient has had a reply of its own, with one for all behind them. */
  get isPrdr(): boolean {
    return this.#own.size > 0;
  }

  /** @returns Whether it was the last one, and, if it holds for the whole message and is no success, the trouble. */
  take(reply: PeerReply): { readonly isLast: boolean; readonly trouble?: Trouble } {
    if (this.#mode === "each") return this.#takeOne(reply);
    if (this.#mode === "prdr" && !this.#hasBegun && reply.code >= 300 && reply.code < 400) {
      this.#hasBegun = true;
      return { isLast: false };
    }
    const position = this.#hasBegun ? this.#waiting.shift() : undefined;
    if (position !== undefined) {
      this.#own.set(position, reply);
      return { isLast: false };
    }
    return this.#takeLast(reply);
  }

  #takeOne(reply: PeerReply): { readonly isLast: boolean } {
    const position = this.#waiting.shift();
    if (position !== undefined) this.#ends[position] = this.#endOf(reply, "LMTP");
    return { isLast: this.#waiting.length === 0 };
  }

  #takeLast(reply: PeerReply): { readonly isLast: true; readonly trouble?: Trouble } {
    if (reply.code < 300) {
      const confirmation = printable(reply.text);
      for (const [position, own] of this.#own) {
        const end = this.#endOf(own, "PRDR");
        this.#ends[position] =
          end.outcome === "delivered" ? { ...end, confirmation: `${end.confirmation}\\n${confirmation}` } : end;
      }
      this.#endOthers({ outcome: "delivered", confirmation });
      return { isLast: true };
    }
    const text = replyText(this.#commands.end, reply.text);
    const { code: replyCode } = reply;
    if (replyCode < 500) {
      // Who was refused stays so; who was taken may be tried again.
      for (const [position, own] of this.#own) if (own.code >= 300) this.#ends[position] = this.#endOf(own, "PRDR");
    }
    this.#endOthers(ended(reply, errnos.data4xx, text));
    return { isLast: true, trouble: { errno: errnos.data4xx, text, replyCode } };
  }

  #endOthers(result: RecipientResult): void {
    for (let i = 0; i < this.#ends.length; i++) this.#ends[i] ??= result;
  }

  #endOf(reply: PeerReply, protocol: "LMTP" | "PRDR"): RecipientResult {
    const said = printable(reply.text);
    if (reply.code < 300) return { outcome: "delivered", confirmation: said };
    return ended(reply, errnos.none, `${protocol} error after ${this.#commands.data}: ${said}`);
  }
}

/** What a refusal makes of a recipient: 5yz is final; anything else but success may be different next time. */
export function ended(reply: PeerReply, errno: number, text: string): RecipientResult {
  const { code: replyCode } = reply;
  return replyCode >= 500
    ? { outcome: "failed", text, replyCode }
    : { outcome: "deferred", errno, text, ...(replyCode >= 400 ? { replyCode } : {}) };
}
