import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** Nothing here takes so long when it works. */
const DEADLINE_MS = 60_000;

const REPLY = /(?:[0-9]{3}-[^\r\n]*\r\n)*[0-9]{3} [^\r\n]*\r\n/y;

/** A client that sends any octets in any packets, and takes what comes. */
export class RawClient {
  #socket: Socket;
  #received = "";
  /** Of it, so much has been taken. */
  #taken = 0;
  #hasEnded = false;
  #wake: () => void = () => undefined;
  readonly #localPort: number;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#localPort = socket.localPort ?? 0;
    this.#listen(socket);
  }

  /** @param localAddress From which address of this machine. */
  static async connect(port: number, localAddress = "127.0.0.1"): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Our end of the connection. */
  get localPort(): number {
    return this.#localPort;
  }

  /** What has come and was not taken. */
  get received(): string {
    return this.#received.slice(this.#taken);
  }

  /** Each piece is a packet, as far as that is ours to say. A server that has gone is no error here. */
  async send(text: string, packetOctets = text.length): Promise<void> {
    for (let at = 0; at < text.length; at += packetOctets) {
      if (!this.#socket.writable) return;
      const isWritten = this.#socket.write(text.slice(at, at + packetOctets), "latin1");
      if (!isWritten)
        await Promise.race([once(this.#socket, "drain"), once(this.#socket, "close")]).catch(() => undefined);
      else if (packetOctets < text.length) await setImmediate();
    }
  }

  /** The next reply, all its lines; undefined: the server has closed its side, and there is none. */
  async reply(): Promise<string | undefined> {
    const find = (): string | undefined => {
      REPLY.lastIndex = this.#taken;
      return REPLY.exec(this.#received)?.[0];
    };
    await this.#until(() => this.#hasEnded || find() !== undefined);
    const reply = find();
    this.#taken += reply?.length ?? 0;
    return reply;
  }

  /** Resolves when the server has closed its side. */
  ended(): Promise<void> {
    return this.#until(() => this.#hasEnded);
  }

  halfClose(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** TLS from here on. @throws {Error} it is not made. */
  async secure(options: ConnectionOptions = {}): Promise<void> {
    this.#socket.removeAllListeners();
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false, ...options });
    this.#listen(secured);
    this.#socket = secured;
    await new Promise<void>((resolve, reject) => {
      secured.once("secureConnect", resolve);
      secured.once("error", reject);
      secured.once("close", () => reject(new Error("closed in the handshake")));
    });
  }

  #listen(socket: Socket): void {
    socket.on("data", (octets: Buffer) => {
      this.#received += octets.toString("latin1");
      this.#wake();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on("end", onEnd);
    socket.on("close", onEnd);
    // A connection that is cut is what some rows are about.
    socket.on("error", onEnd);
  }

  async #until(isReady: () => boolean): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    while (!isReady()) {
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw new Error(`nothing came; received ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
