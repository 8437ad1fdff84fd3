import { reply } from "@postbus/mail";
import type { SmtpAcls, TlsPolicy } from "@postbus/policy";
import {
  type CertificateState,
  type HelloWishes,
  opensslOptions,
  type ServerHandshake,
  serverName,
  type TicketKey,
  TlsContexts,
} from "@postbus/tls";
import type { Logger } from "pino";
import type { SharedTls } from "./shared-tls.ts";
import type { TicketKeys } from "./ticket-keys.ts";

/** What TLS needs cannot be had now (RFC 3207 §4). */
export const tlsUnavailable = reply(454, "4.7.0", "TLS currently unavailable");

/** What has changed in files counts from then on; under load, a look for each handshake would be a tenth of its cost. */
const LOOK_EVERY_MS = 20;

/** What a client's handshake is made with. */
export interface PreparedTls {
  readonly handshake: ServerHandshake;
  /** Where that depends on the client's hello: what it is made with then. It rejects as `prepare`. */
  readonly byHello?: (hello: HelloWishes) => Promise<ServerHandshake>;
}

/** TLS under one policy: what a handshake with a client is made with. */
export class ServerTls {
  readonly #policy: TlsPolicy;
  readonly #contexts: TlsContexts;
  readonly #ticketKeys: TicketKeys | undefined;

  /**
   * @param shared Absent: no session is resumed, no proof is fetched.
   * @throws {ConfigError} a file that is named without an expansion cannot be used.
   */
  static async load(policy: TlsPolicy, log: Pick<Logger, "warn">, shared?: Partial<SharedTls>): Promise<ServerTls> {
    const contexts = new TlsContexts(
      (err) => log.warn({ err }, "changed TLS files cannot be used: the old ones stay"),
      (problem) => log.warn(problem, "no OCSP proof of this file is shown to clients"),
      shared?.proofSource,
      { lookEveryMs: LOOK_EVERY_MS },
    );
    const { usual } = policy;
    if (usual !== undefined) {
      await contexts.get(usual);
      const { unknown } = opensslOptions(usual.options);
      if (unknown.length > 0) log.warn({ unknown }, "openssl_options that mean nothing here");
    }
    return new ServerTls(policy, contexts, shared?.ticketKeys);
  }

  private constructor(policy: TlsPolicy, contexts: TlsContexts, ticketKeys: TicketKeys | undefined) {
    this.#ticketKeys = ticketKeys;
    this.#policy = policy;
    this.#contexts = contexts;
  }

  /** Those that clients have been shown, or may be. */
  get certificates(): readonly CertificateState[] {
    return this.#contexts.certificates;
  }

  /** For a client that begins now. @throws {Error} a file cannot be used or an option not be expanded. */
  async prepare(acls: SmtpAcls): Promise<PreparedTls> {
    const { session } = acls;
    session.connection.serverName = undefined;
    const handshake = await this.#handshake(acls);
    const { changesWithServerName } = this.#policy;
    const { context, ticketKey } = handshake;
    // Which of several certificates is shown, and so which proof, and by which key a session was sealed, its hello says.
    if (!changesWithServerName && ticketKey === undefined && context.staples.length < 2) return { handshake };
    return {
      handshake,
      byHello: async (hello) => {
        const wanted = changesWithServerName ? serverName(hello.serverName ?? "") : undefined;
        if (wanted !== undefined) session.connection.serverName = wanted;
        const named = wanted === undefined ? handshake : await this.#handshake(acls);
        return { ...handshake, context: named.context, hello, ticketKey: this.#keyFor(hello, ticketKey) };
      },
    };
  }

  async #handshake({ session }: SmtpAcls): Promise<ServerHandshake> {
    const settings = await this.#policy.settings(session);
    const { clientCertificate, protocols, requiresProtocol, resumes } = settings;
    const context = await this.#contexts.get(settings);
    if (!resumes || this.#ticketKeys === undefined) return { context, clientCertificate, protocols, requiresProtocol };
    await this.#ticketKeys.refresh();
    return { context, clientCertificate, protocols, requiresProtocol, ticketKey: this.#ticketKeys.current };
  }

  /** One key opens and seals: whoever comes with a ticket of an older one gets the next by that, until it is gone. */
  #keyFor({ ticketName }: HelloWishes, usual: TicketKey | undefined): TicketKey | undefined {
    if (usual === undefined || ticketName === undefined) return usual;
    return this.#ticketKeys?.of(ticketName) ?? usual;
  }
}
