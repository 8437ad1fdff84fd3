import { once } from "node:events";
import { connect, type Socket } from "node:net";

const LINE = `${"x".repeat(62)}\r\n`;

/** One connection, one command after the other, as a plain client speaks: for what `smtp-source` cannot tell. */
export class BenchClient {
  readonly #socket: Socket;
  #answer = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Greeted, and has said EHLO. */
  static async open(port: number): Promise<BenchClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const client = new BenchClient(socket);
    await client.#reply(220);
    await client.#say("EHLO bench.test\r\n", 250);
    return client;
  }

  /** A message of that size. @returns Milliseconds to its 250: from the dot, and from MAIL. */
  async send(size: number): Promise<{ dotMs: number; wholeMs: number }> {
    const start = performance.now();
    await this.#say("MAIL FROM:<sender@bench.test>\r\n", 250);
    await this.#say("RCPT TO:<user@sink.test>\r\n", 250);
    await this.#say("DATA\r\n", 354);
    const content = `Subject: bench\r\n\r\n${LINE.repeat(Math.max(1, Math.round(size / LINE.length)))}.\r\n`;
    const dot = performance.now();
    await this.#say(content, 250);
    const end = performance.now();
    return { dotMs: end - dot, wholeMs: end - start };
  }

  close(): void {
    this.#socket.destroy();
  }

  async #say(text: string, code: number): Promise<void> {
    this.#socket.write(text, "latin1");
    await this.#reply(code);
  }

  async #reply(code: number): Promise<void> {
    this.#answer = "";
    while (!/^\d{3} [^\n]*\n$/m.test(this.#answer)) {
      const [octets] = (await once(this.#socket, "data")) as [Buffer];
      this.#answer += octets.toString("latin1");
    }
    if (!this.#answer.startsWith(String(code))) throw new Error(`not ${code}: ${this.#answer.trim()}`);
  }
}
