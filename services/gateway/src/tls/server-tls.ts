import { reply } from "@postbus/mail";
import type { SmtpAcls, TlsPolicy } from "@postbus/policy";
import { opensslOptions, type ServerHandshake, serverName, TlsContexts } from "@postbus/tls";
import type { Logger } from "pino";

/** What TLS needs cannot be had now (RFC 3207 §4). */
export const tlsUnavailable = reply(454, "4.7.0", "TLS currently unavailable");

/** TLS under one policy: what a handshake with a client is made with. */
export class ServerTls {
  readonly #policy: TlsPolicy;
  readonly #contexts: TlsContexts;

  /** @throws {ConfigError} a file that is named without an expansion cannot be used. */
  static async load(policy: TlsPolicy, log: Pick<Logger, "warn">): Promise<ServerTls> {
    const contexts = new TlsContexts((err) => log.warn({ err }, "changed TLS files cannot be used: the old ones stay"));
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

  /** For a client that begins now. @throws {Error} a file cannot be used or an option not be expanded. */
  async prepare({ session }: SmtpAcls): Promise<ServerHandshake> {
    const policy = this.#policy;
    const { connection } = session;
    connection.serverName = undefined;
    const settings = await policy.settings(session);
    const { clientCertificate, protocols } = settings;
    const context = await this.#contexts.get(settings);
    if (!policy.changesWithServerName) return { context, clientCertificate, protocols };
    return {
      context,
      clientCertificate,
      protocols,
      contextFor: async (name) => {
        const wanted = serverName(name);
        if (wanted === undefined) return undefined;
        connection.serverName = wanted;
        return this.#contexts.get(await policy.settings(session));
      },
    };
  }
}
