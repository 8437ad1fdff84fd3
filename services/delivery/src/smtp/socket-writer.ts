import type { Socket } from "node:net";

/** Contents up to here are copied for writing. */
const SMALL_OCTETS = 8 * 1024;

/** What leaves a connection: in as few system calls as can be. */
export class SocketWriter {
  /** Another one when TLS begins. */
  socket: Socket;
  /** Free again when the peer has replied and nothing waits to be written. */
  #small: Buffer | undefined;
  #writing: PromiseWithResolvers<void> | undefined;
  #letGo: NodeJS.Immediate | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** @param octets A string is latin1. */
  write(octets: string | Buffer): void {
    if (typeof octets === "string") this.socket.write(octets, "latin1");
    else this.socket.write(octets);
  }

  /** For small ones, copying them together is cheaper than handing over two. */
  writeTogether(first: Buffer, second: Buffer): void {
    const length = first.length + second.length;
    const { socket } = this;
    if (length <= SMALL_OCTETS && socket.writableLength === 0) {
      this.#small ??= Buffer.allocUnsafeSlow(SMALL_OCTETS);
      first.copy(this.#small);
      second.copy(this.#small, first.length);
      socket.write(this.#small.subarray(0, length));
      return;
    }
    socket.cork();
    socket.write(first);
    socket.write(second);
    socket.uncork();
  }

  /** What is written from now on leaves together: at `letGo`, or when this turn of the event loop ends. */
  holdForThisTurn(): void {
    const { socket } = this;
    socket.cork();
    this.#letGo = setImmediate(() => socket.uncork());
  }

  letGo(): void {
    if (this.#letGo === undefined) return;
    clearImmediate(this.#letGo);
    this.#letGo = undefined;
    this.socket.uncork();
  }

  /** Resolves when the operating system has the octets, or when that does not matter any more. */
  async written(octets: Buffer): Promise<void> {
    const writing = Promise.withResolvers<void>();
    this.#writing = writing;
    // An error ends the connection, and with it the transaction; it is told there.
    this.socket.write(octets, () => writing.resolve());
    await writing.promise;
    this.#writing = undefined;
  }

  /** Whoever waits for what was written need not any more. */
  stopWaiting(): void {
    this.#writing?.resolve();
  }
}
