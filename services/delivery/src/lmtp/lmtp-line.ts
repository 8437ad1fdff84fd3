import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { type Loss, ReplyParser } from "@postbus/smtp";

/** Both directions of a connection, or of a program. */
export interface LmtpStream {
  readonly input: Readable;
  readonly output: Writable;
}

export type Heard =
  | { readonly kind: "reply"; readonly reply: { readonly code: number; readonly text: string } }
  | { readonly kind: "malformed"; readonly text: string }
  | { readonly kind: "lost"; readonly loss: Loss };

/** What is said to a server and what it says, each within a time. */
export class LmtpLine {
  readonly #stream: LmtpStream;
  readonly #timeoutMs: number;
  readonly #parser = new ReplyParser();
  readonly #lost = Promise.withResolvers<Loss>();
  #more = Promise.withResolvers<void>();

  constructor(stream: LmtpStream, timeoutMs: number) {
    this.#stream = stream;
    this.#timeoutMs = timeoutMs;
    stream.input.on("data", (octets: Buffer) => {
      this.#parser.push(octets);
      // Nobody has asked: what is unasked for waits, and more of it is not taken.
      stream.input.pause();
      this.#more.resolve();
    });
    const closed = (): void => this.#lost.resolve({ kind: "closed" });
    for (const event of ["end", "close", "error"]) stream.input.once(event, closed);
    stream.output.on("error", closed);
  }

  /** Aborted: as if the server had closed. */
  cut(): void {
    this.#lost.resolve({ kind: "closed" });
  }

  /** @param timeoutMs Where it is another than for all. */
  async reply(timeoutMs = this.#timeoutMs): Promise<Heard> {
    const deadline = this.#deadline(timeoutMs);
    try {
      for (;;) {
        const parsed = this.#parser.next();
        if (parsed.kind !== "incomplete") return parsed;
        this.#more = Promise.withResolvers();
        this.#stream.input.resume();
        const loss = await Promise.race([this.#more.promise, this.#lost.promise, deadline.over]);
        if (loss === undefined) continue;
        // What came with its last breath counts.
        const last = this.#parser.next();
        return last.kind === "incomplete" ? { kind: "lost", loss } : last;
      }
    } finally {
      deadline.stop();
    }
  }

  /** @returns undefined: the server, or what is between, has taken it. */
  async write(octets: Buffer | string): Promise<Loss | undefined> {
    const { output } = this.#stream;
    const isTaken = typeof octets === "string" ? output.write(octets, "latin1") : output.write(Buffer.from(octets));
    if (isTaken) return undefined;
    const deadline = this.#deadline();
    const drained = once(output, "drain").then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([drained, this.#lost.promise, deadline.over]);
    } finally {
      deadline.stop();
    }
  }

  #deadline(timeoutMs = this.#timeoutMs): { readonly over: Promise<Loss>; stop(): void } {
    const { promise, resolve } = Promise.withResolvers<Loss>();
    const timer = setTimeout(() => resolve({ kind: "timeout" }), timeoutMs);
    return { over: promise, stop: () => clearTimeout(timer) };
  }
}
