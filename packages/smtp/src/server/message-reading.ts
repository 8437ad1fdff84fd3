import type { Reply } from "@postbus/mail";
import type { ChunkReader } from "./chunk-reader.ts";
import type { ContentReader } from "./content-reader.ts";
import { HeaderReader } from "./header-reader.ts";
import { countReceived } from "./received-count.ts";
import * as replies from "./replies.ts";
import type { SessionProfile } from "./session-profile.ts";
import type { SessionStep } from "./session-step.ts";

type Refusal = Extract<SessionStep, { kind: "refused" }>;
type Limits = Pick<
  SessionProfile,
  "messageSizeLimit" | "headerMaxOctets" | "headerLineMaxOctets" | "receivedHeadersMax"
>;

/**
 * One message while its content comes: gives out the header section as a whole and the body piece by piece, and refuses
 * what breaks the limits. What is refused is read to its end all the same: until then nothing else can be understood.
 */
export class MessageReading {
  readonly source: ContentReader | ChunkReader;
  readonly #limits: Limits;
  /** Until the header section is complete. */
  #header: HeaderReader | undefined = new HeaderReader();
  #octets = 0;
  #pendingBody: Buffer | undefined;
  #refusal: Reply | undefined;

  constructor(source: ContentReader | ChunkReader, limits: Limits) {
    this.source = source;
    this.#limits = limits;
  }

  /** What the message will be answered with whatever else comes. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /** Of the content, as far as it has come. */
  get octets(): number {
    return this.#octets;
  }

  /** Octets of a header section that is not complete yet: they have been looked at, and not been given out. */
  get collectedOctets(): number {
    return this.#header?.length ?? 0;
  }

  /** Gives the rest of the content to nobody. */
  discard(refusal: Reply): void {
    this.#refusal ??= refusal;
    this.#header = undefined;
    this.#pendingBody = undefined;
  }

  /** So much will follow: what is too much is not waited for. */
  announce(octets: number): Refusal | undefined {
    const isTooBig = this.#refusal === undefined && this.#isAboveLimit(this.#octets + octets);
    return isTooBig ? this.#refuse(replies.messageTooBig) : undefined;
  }

  /** What was read with the header section, and is due behind it. */
  takeBody(): SessionStep | undefined {
    const octets = this.#pendingBody;
    this.#pendingBody = undefined;
    return octets === undefined ? undefined : { kind: "content", octets };
  }

  /** Reads what `input` has of the content from index `from` on; how much that was, `source.consumed` says. */
  read(input: Buffer, from: number): SessionStep | undefined {
    const octets = this.source.read(input, from);
    if (this.#refusal !== undefined) return undefined;
    if (this.source.defect !== undefined) return this.#refuse(replies.defects[this.source.defect]);
    this.#octets += octets.length;
    if (this.#isAboveLimit(this.#octets)) return this.#refuse(replies.messageTooBig);
    if (this.#header === undefined) return octets.length === 0 ? undefined : { kind: "content", octets };
    return this.#readHeader(this.#header, octets);
  }

  #readHeader(reader: HeaderReader, octets: Buffer): SessionStep | undefined {
    const hasEnded = reader.read(octets);
    const { headerMaxOctets, headerLineMaxOctets = 0, receivedHeadersMax } = this.#limits;
    if (reader.isBomb) return this.#refuse(replies.headerTooLong);
    if (headerLineMaxOctets > 0 && reader.longestField > headerLineMaxOctets) {
      return this.#refuse(replies.headerLineTooLong);
    }
    if (!hasEnded && !this.source.isComplete) {
      return reader.length > headerMaxOctets ? this.#refuse(replies.headerTooLong) : undefined;
    }
    const { header, body } = reader.take();
    if (header.length > headerMaxOctets) return this.#refuse(replies.headerTooLong);
    // Ours will stand there, too; Exim counts it.
    if (countReceived(header) >= receivedHeadersMax) return this.#refuse(replies.tooManyReceived);
    this.#header = undefined;
    if (body.length > 0) this.#pendingBody = body;
    return { kind: "header", octets: header };
  }

  #isAboveLimit(octets: number): boolean {
    const { messageSizeLimit } = this.#limits;
    return messageSizeLimit > 0 && octets > messageSizeLimit;
  }

  #refuse(answer: Reply): Refusal {
    this.discard(answer);
    return { kind: "refused", stage: "content", reply: answer, command: "" };
  }
}
