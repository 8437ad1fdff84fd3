import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** Nothing here takes longer when it works; a test that hangs should say where. */
const DEADLINE_MS = 60_000;

/** An SMTP client that says what it is told and waits for replies. */
export class TestClient implements AsyncDisposable {
  #socket: Socket;
  #received = "";
  #hasEnded = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** @param localAddress From which address of this machine. */
  static async connect(port: number, localAddress = "127.0.0.1"): Promise<TestClient> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
    await once(socket, "connect");
    return new TestClient(socket);
  }

  /** What has come and was not waited for. */
  get received(): string {
    return this.#received;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Writes and reads replies until the last of `codes`. @returns the last reply. */
  async say(text: string, ...codes: readonly number[]): Promise<string> {
    this.#socket.write(text, "latin1");
    let reply = "";
    for (const code of codes) reply = await this.expect(code);
    return reply;
  }

  /** The next reply, all its lines; it must have that code. */
  async expect(code: number): Promise<string> {
    const reply = await this.#next();
    assert.equal(reply.slice(0, 3), String(code), reply);
    return reply;
  }

  /** Resolves when the server has closed its side. */
  async ended(): Promise<void> {
    await this.#until(() => (this.#hasEnded ? true : undefined));
  }

  /** STARTTLS, and the handshake. @returns the subject of the certificate that was shown. */
  async startTls(options: ConnectionOptions = {}): Promise<string | undefined> {
    await this.say("STARTTLS\r\n", 220);
    return this.secure(options);
  }

  /** The handshake. @param early Said with its last octets. @returns the subject of the certificate that was shown. */
  async secure(options: ConnectionOptions = {}, early = ""): Promise<string | undefined> {
    this.#socket.removeAllListeners();
    const socket = early === "" ? this.#socket : inFewPackets(this.#socket);
    const secured = connectTls({ socket, rejectUnauthorized: false, servername: "mx.test", ...options });
    this.#socket = secured;
    if (early !== "") secured.write(early, "latin1");
    try {
      await once(secured, "secureConnect");
    } catch (err) {
      this.#hasEnded = true;
      throw err;
    }
    this.#listen();
    return secured.getPeerX509Certificate()?.subject;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on("data", (octets: Buffer) => {
      this.#received += octets.toString("latin1");
      this.#wake?.();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      this.#wake?.();
    };
    this.#socket.on("end", onEnd);
    this.#socket.on("close", onEnd);
    // A connection that is cut is what some tests are about.
    this.#socket.on("error", onEnd);
  }

  #next(): Promise<string> {
    return this.#until(() => {
      const match = /^(?:[0-9]{3}-[^\r]*\r\n)*[0-9]{3} [^\r]*\r\n/.exec(this.#received);
      if (match === null) {
        if (this.#hasEnded) throw new Error(`connection closed; received ${JSON.stringify(this.#received)}`);
        return undefined;
      }
      this.#received = this.#received.slice(match[0].length);
      return match[0];
    });
  }

  async #until<T>(ready: () => T | undefined): Promise<T> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const value = ready();
      if (value !== undefined) return value;
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      const onAbort = (): void => woken.reject(new Error(`nothing came; received ${JSON.stringify(this.#received)}`));
      deadline.addEventListener("abort", onAbort, { once: true });
      await woken.promise;
      deadline.removeEventListener("abort", onAbort);
    }
  }
}

/** What is written in quick succession leaves in one packet. */
function inFewPackets(socket: Socket): Duplex {
  let held: Buffer[] = [];
  const flush = (): void => {
    socket.write(Buffer.concat(held));
    held = [];
  };
  const stream = new Duplex({
    read: () => undefined,
    write(octets: Buffer, _encoding, done) {
      if (held.length === 0) setTimeout(flush, 100);
      held.push(octets);
      done();
    },
    final: (done) => void socket.end(done),
    destroy(err, done) {
      socket.destroy();
      done(err);
    },
  });
  socket.on("data", (octets) => void stream.push(octets));
  socket.on("end", () => void stream.push(null));
  socket.on("error", (err) => void stream.destroy(err));
  return stream;
}
