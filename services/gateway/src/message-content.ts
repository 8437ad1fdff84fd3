import { type Content, INLINE_LIMIT_OCTETS, type SpoolReference } from "@postbus/contracts";
import { OctetList } from "@postbus/smtp";
import type { Spool, SpoolWriter } from "@postbus/spool";

/** Room before inline content for the trace fields, so that content is copied once. They are some 500 octets long. */
const TRACE_ROOM = 2048;
/** Content is inline up to here; with its trace fields it stays within the items' limit. */
const MAX_INLINE = INLINE_LIMIT_OCTETS - TRACE_ROOM;

/** What large content holds in memory on its way to the spool: a chunk from the socket, and a writer's block. */
const SPOOLING_OCTETS = 256 * 1024;

/** The two octet strings before the body: what we put on top, and the header section as it is to be passed on. */
export interface Top {
  readonly trace: Buffer;
  readonly header: Buffer;
}

/**
 * The content of a message while it arrives: in memory as long as it is small, otherwise on its way to the spool.
 *
 * What is passed on has our trace fields on top. If they depend on the whole content (DKIM), large content is first
 * stored as it came, under a name of its own, and written again with its top once that is known: the spool writes front to
 * back, and memory must not hold it.
 */
export class MessageContent {
  readonly #spool: Pick<Spool, "create" | "read" | "remove">;
  readonly #messageId: string;
  /** What goes on top of large content, if it is known without its body. */
  readonly #earlyTop: ((header: Buffer) => Promise<Top>) | undefined;
  readonly #body = new OctetList();
  #header: Buffer = EMPTY;
  /** In memory at this moment, by all that is held for this message. */
  #heldOctets = 0;
  /** Large content has left memory. */
  #isSpooled = false;
  /** While something is being written. */
  #writer: SpoolWriter | undefined;
  /** Content as it came, stored for those who verify it. */
  #raw: SpoolReference | undefined;
  /** Several may want it at once. */
  #rawStored: Promise<SpoolReference> | undefined;
  /** Names in the spool under which something is or will be. */
  readonly #stored = new Set<string>();
  /** The client is gone, or the message is not wanted: what is still being opened is closed at once. */
  #isDiscarded = false;
  /** Inline content as it came, with room before it. */
  #inline: Buffer | undefined;

  constructor(
    spool: Pick<Spool, "create" | "read" | "remove">,
    messageId: string,
    earlyTop: ((header: Buffer) => Promise<Top>) | undefined,
  ) {
    this.#spool = spool;
    this.#messageId = messageId;
    this.#earlyTop = earlyTop;
  }

  get heldOctets(): number {
    return this.#heldOctets;
  }

  /** What is added from now on goes to the spool: its memory is free when there is nothing more to wait for. */
  get isSpooled(): boolean {
    return this.#isSpooled;
  }

  get header(): Buffer {
    return this.#header;
  }

  /** @returns Something to wait for before more is added, or undefined. */
  addHeader(header: Buffer): Promise<void> | undefined {
    this.#header = header;
    this.#heldOctets += header.length;
    return header.length > MAX_INLINE ? this.#startSpooling() : undefined;
  }

  /** @returns Something to wait for before more is added, or undefined. */
  addBody(octets: Buffer): Promise<void> | undefined {
    if (this.#writer !== undefined) return this.#writer.write(octets);
    this.#body.add(octets);
    this.#heldOctets += octets.length;
    return this.#header.length + this.#body.length > MAX_INLINE ? this.#startSpooling() : undefined;
  }

  /** The content as it came, for those who verify it. After the last `addBody`; not if the top was known early. */
  async original(): Promise<Content> {
    if (!this.#isSpooled) return { kind: "inline", octets: this.#wholeInline().subarray(TRACE_ROOM) };
    this.#rawStored ??= this.#finishWriter();
    this.#raw = await this.#rawStored;
    return { kind: "spooled", ...this.#raw };
  }

  /** The content as it is passed on; large content is on stable storage then. */
  finish(top: Top): Content | Promise<Content> {
    if (this.#isSpooled) return this.#finishSpooled(top);
    const whole = this.#wholeInline();
    const { trace, header } = top;
    if (header === this.#header && trace.length <= TRACE_ROOM) {
      trace.copy(whole, TRACE_ROOM - trace.length);
      return { kind: "inline", octets: whole.subarray(TRACE_ROOM - trace.length) };
    }
    return {
      kind: "inline",
      octets: Buffer.concat([trace, header, whole.subarray(TRACE_ROOM + this.#header.length)]),
    };
  }

  /** Leaves nothing in the spool. Not to be called once the message is, or may be, on the bus. */
  async discard(): Promise<void> {
    this.#isDiscarded = true;
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.abort();
    for (const id of this.#stored) await this.#spool.remove(id);
  }

  #wholeInline(): Buffer {
    if (this.#inline === undefined) {
      const whole = Buffer.allocUnsafe(TRACE_ROOM + this.#header.length + this.#body.length);
      let at = TRACE_ROOM + this.#header.copy(whole, TRACE_ROOM);
      for (const piece of this.#body.take()) at += piece.copy(whole, at);
      this.#inline = whole;
    }
    return this.#inline;
  }

  async #startSpooling(): Promise<void> {
    this.#isSpooled = true;
    const top = this.#earlyTop;
    const writer = await this.#create(top === undefined ? `${this.#messageId}-raw` : this.#messageId);
    if (top === undefined) {
      await writer.write(this.#header);
    } else {
      const { trace, header } = await top(this.#header);
      await writer.write(trace);
      await writer.write(header);
    }
    for (const piece of this.#body.take()) await writer.write(piece);
    this.#heldOctets = this.#header.length + SPOOLING_OCTETS;
  }

  async #finishSpooled(top: Top): Promise<Content> {
    const raw = await this.#rawStored;
    if (raw === undefined) return { kind: "spooled", ...(await this.#finishWriter()) };
    const writer = await this.#create(this.#messageId);
    await writer.write(top.trace);
    await writer.write(top.header);
    let toSkip = this.#header.length;
    for await (const octets of this.#spool.read(raw, { isTransient: true })) {
      const skipped = Math.min(toSkip, octets.length);
      toSkip -= skipped;
      if (skipped < octets.length) await writer.write(octets.subarray(skipped));
    }
    const reference = await this.#finishWriter();
    await this.#spool.remove(raw.id);
    this.#stored.delete(raw.id);
    return { kind: "spooled", ...reference };
  }

  async #create(id: string): Promise<SpoolWriter> {
    this.#stored.add(id);
    const writer = await this.#spool.create(id);
    if (this.#isDiscarded) {
      await writer.abort();
      throw new DiscardedError();
    }
    this.#writer = writer;
    return writer;
  }

  async #finishWriter(): Promise<SpoolReference> {
    const writer = this.#writer;
    if (writer === undefined) throw new Error("nothing is being written");
    const reference = await writer.finish();
    this.#writer = undefined;
    return reference;
  }
}

/** Whoever still writes has been overtaken by `discard`. */
class DiscardedError extends Error {
  override readonly name = "DiscardedError";

  constructor() {
    super("the message was given up while its content was being stored");
  }
}

const EMPTY = Buffer.alloc(0);
