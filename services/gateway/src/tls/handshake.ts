import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  awaitClientHello,
  handshakeProblem,
  internalErrorAlert,
  type ServerHandshake,
  startServerTls,
} from "@postbus/tls";
import { ClientTls } from "./client-tls.ts";
import type { PreparedTls } from "./server-tls.ts";

/** What becomes of a handshake. */
export interface HandshakeWatcher {
  /** It goes on over this socket. */
  readonly begun: (secured: TLSSocket) => void;
  readonly done: (tls: ClientTls) => void;
  /** Told once. @param text For the log, as Exim has it. */
  readonly failed: (text: string) => void;
}

/** One handshake, from the octets that have come already to the secured socket; what it is made with may depend on the client's hello. */
export class Handshake {
  readonly #plain: Socket;
  readonly #watcher: HandshakeWatcher;
  #isOver = false;

  /** @param early What has come before, and belongs to it. */
  constructor(plain: Socket, early: Buffer, { handshake, byHello }: PreparedTls, watcher: HandshakeWatcher) {
    this.#plain = plain;
    this.#watcher = watcher;
    // A stream that flows would lose what is given back to it.
    if (early.length > 0) plain.pause().unshift(early);
    if (byHello === undefined) this.#begin(handshake);
    else void this.#chooseByHello(handshake, byHello);
  }

  /** The connection is lost, or there is no more time. */
  fail(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watcher.failed(text);
  }

  async #chooseByHello(usual: ServerHandshake, byHello: NonNullable<PreparedTls["byHello"]>): Promise<void> {
    const plain = this.#plain;
    try {
      const hello = await awaitClientHello(plain);
      const handshake = hello === undefined ? usual : await byHello(hello);
      if (!this.#isOver) this.#begin(handshake);
    } catch (err) {
      this.fail(`(SSL_accept): ${handshakeProblem(err)}`);
      plain.end(internalErrorAlert);
      plain.destroySoon();
    }
  }

  #begin(handshake: ServerHandshake): void {
    const secured = startServerTls(this.#plain, handshake, (verification) => {
      this.#isOver = true;
      this.#watcher.done(new ClientTls(secured, verification));
    });
    this.#watcher.begun(secured);
  }
}
