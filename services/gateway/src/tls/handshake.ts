import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  awaitClientHello,
  type CertificateJudge,
  handshakeProblem,
  internalErrorAlert,
  judgedCertificates,
  type ServerHandshake,
  startServerTls,
  type Verification,
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
  /** Is asked about the client's certificates; absent: nobody is. */
  readonly judge?: CertificateCourt | undefined;
}

export interface CertificateCourt {
  readonly ask: CertificateJudge;
  /** @param line For the log, as Exim has it. */
  denied(line: string): void;
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
      const { judge } = this.#watcher;
      if (judge === undefined || handshake.clientCertificate === undefined) this.#end(secured, verification);
      else void this.#judge(secured, verification, judge, handshake.clientCertificate === "required");
    });
    this.#watcher.begun(secured);
  }

  #end(secured: TLSSocket, verification: Verification): void {
    this.#isOver = true;
    this.#watcher.done(new ClientTls(secured, verification));
  }

  /** What the client says meanwhile waits. */
  async #judge(
    secured: TLSSocket,
    verification: Verification,
    court: CertificateCourt,
    isRequired: boolean,
  ): Promise<void> {
    secured.pause();
    try {
      const denials = await judgedCertificates(secured, court.ask, isRequired);
      for (const line of denials) court.denied(line);
      if (this.#isOver) return;
      const problem = "denied by event-action";
      if (denials.length > 0 && isRequired) throw new Error(`certificate verification failed: ${problem}`);
      secured.resume();
      this.#end(secured, denials.length === 0 ? verification : { ...verification, isVerified: false, problem });
    } catch (err) {
      secured.destroy(err instanceof Error ? err : new Error(String(err)));
    }
  }
}
