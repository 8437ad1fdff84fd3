import { type ClientSession, ContentEncoder } from "@postbus/smtp";
import { LeaseLostError } from "../lease-lost-error.ts";
import type { Lease } from "./offered-message.ts";
import type { SocketWriter } from "./socket-writer.ts";

/** Whoever has the content sent. */
export interface ContentListener {
  /** Whether it still is. */
  isWanted(): boolean;
  /** A piece is about to leave. */
  goesOn(): void;
  /** The end is about to leave. */
  endsNow(): void;
  /** All of it has been given to the connection. @param octets Of the content. */
  ended(octets: number): void;
}

/** Nothing but the end makes a message of a content, and that is for who holds the item. */
export const lostLease = (): LeaseLostError => new LeaseLostError("the item was not held when the final dot was due");

/** A message's content on its way to the peer: behind DATA with its dots, or in chunks behind BDAT. */
export class ContentSender {
  readonly #session: ClientSession;
  readonly #writer: SocketWriter;
  readonly #inChunks: boolean;
  readonly #listener: ContentListener;
  readonly #encoder: ContentEncoder;

  constructor(session: ClientSession, writer: SocketWriter, inChunks: boolean, listener: ContentListener) {
    this.#session = session;
    this.#writer = writer;
    this.#inChunks = inChunks;
    this.#listener = listener;
    this.#encoder = new ContentEncoder(!inChunks);
  }

  sendWhole(content: Buffer): void {
    const octets = this.#encoder.encode(content);
    const end = this.#encoder.end();
    this.#listener.endsNow();
    if (this.#inChunks) {
      const command = this.#session.chunk(octets.length + end.length, true);
      const chunk = end.length === 0 ? octets : Buffer.concat([octets, end]);
      this.#writer.writeTogether(Buffer.from(command, "latin1"), chunk);
    } else {
      this.#writer.writeTogether(octets, end);
    }
    this.#listener.ended(content.length);
  }

  /** @throws {LeaseLostError} @throws what reading throws. */
  async sendPieces(pieces: AsyncIterable<Buffer>, lease: Lease): Promise<void> {
    let octets = 0;
    for await (const piece of pieces) {
      if (!this.#listener.isWanted()) return;
      octets += piece.length;
      this.#listener.goesOn();
      const encoded = this.#encoder.encode(piece);
      if (this.#inChunks && encoded.length > 0) this.#writer.write(this.#session.chunk(encoded.length, false));
      // The piece is used up when the next one comes, and so it must have left us; also, a slow peer holds us up here.
      await this.#writer.written(encoded);
    }
    if (!this.#listener.isWanted()) return;
    // Here the content's digest has been checked.
    if (!lease.isHeld()) throw lostLease();
    const end = this.#encoder.end();
    this.#listener.endsNow();
    if (this.#inChunks) this.#writer.write(this.#session.chunk(end.length, true));
    if (end.length > 0) this.#writer.write(end);
    this.#listener.ended(octets);
  }
}
