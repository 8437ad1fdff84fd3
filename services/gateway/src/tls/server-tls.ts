import { reply } from "@postbus/mail";
import type { SmtpAcls, TlsPolicy } from "@postbus/policy";
import { type CertificateState, opensslOptions, type ServerHandshake, serverName, TlsContexts } from "@postbus/tls";
import type { Logger } from "pino";

/** What TLS needs cannot be had now (RFC 3207 §4). */
export const tlsUnavailable = reply(454, "4.7.0", "TLS currently unavailable");

/** What a client's handshake is made with. */
export interface PreparedTls {
  readonly handshake: ServerHandshake;
  /** Where that depends on the name which the client asks for (SNI): what it is made with then. It rejects as `prepare`. */
  readonly byName?: (name: string) => Promise<ServerHandshake>;
}

/** TLS under one policy: what a handshake with a client is made with. */
export class ServerTls {
  readonly #policy: TlsPolicy;
  readonly #contexts: TlsContexts;

  /** @throws {ConfigError} a file that is named without an expansion cannot be used. */
  static async load(policy: TlsPolicy, log: Pick<Logger, "warn">): Promise<ServerTls> {
    const contexts = new TlsContexts(
      (err) => log.warn({ err }, "changed TLS files cannot be used: the old ones stay"),
      (problem) => log.warn(problem, "no OCSP proof of this file is shown to clients"),
    );
    const { usual } = policy;
    if (usual !== undefined) {
      await contexts.get(usual);
      const { unknown } = opensslOptions(usual.options);
      if (unknown.length > 0) log.warn({ unknown }, "openssl_options that mean nothing here");
    }
    return new ServerTls(policy, contexts);
  }

  private constructor(policy: TlsPolicy, contexts: TlsContexts) {
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
    if (!this.#policy.changesWithServerName) return { handshake };
    return {
      handshake,
      byName: async (name) => {
        const wanted = serverName(name);
        if (wanted === undefined) return handshake;
        session.connection.serverName = wanted;
        const { context } = await this.#handshake(acls);
        return { ...handshake, context };
      },
    };
  }

  async #handshake({ session }: SmtpAcls): Promise<ServerHandshake> {
    const settings = await this.#policy.settings(session);
    const { clientCertificate, protocols } = settings;
    return { context: await this.#contexts.get(settings), clientCertificate, protocols };
  }
}
