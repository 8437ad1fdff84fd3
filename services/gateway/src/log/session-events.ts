import type { X509Certificate } from "node:crypto";
import type { EventContext, Policy, RaisedEvent, SmtpAcls } from "@postbus/policy";
import { distinguishedName } from "@postbus/tls";
import type { Logger } from "pino";

/** Of the session that events are about. */
interface EventSession {
  readonly acls: SmtpAcls;
  /** Writes lines of the log. */
  write(targets: readonly ("main" | "reject" | "panic")[], text: string): void;
}

/**
 * Tells the policy's `event_action` what happens in sessions (Exim's manual, "Events"). No session waits for it, and without
 * one nothing is done.
 */
export class SessionEvents {
  readonly #main: Policy["events"]["main"];
  readonly #log: Pick<Logger, "error">;

  constructor({ events }: Pick<Policy, "events">, log: Pick<Logger, "error">) {
    this.#main = events.main;
    this.#log = log;
  }

  /** Whether there is somebody to tell. */
  get isWatched(): boolean {
    return this.#main !== undefined;
  }

  /** A command of a wrong form, or in a wrong place. */
  commandError(session: EventSession, isProtocol: boolean, text: string): void {
    this.#raise(session, { name: isProtocol ? "smtp:fail:protocol" : "smtp:fail:syntax", data: text });
  }

  /** One of the client's certificates. @param depth 0: its own. @returns why it is not good; empty: nothing is said against it. */
  async certificate(session: EventSession, depth: number, certificate: X509Certificate): Promise<string> {
    const { variables: around } = session.acls.session.evaluation.around;
    const variables = {
      tls_in_peercert: certificate.raw.toString("latin1"),
      tls_in_peerdn: distinguishedName(certificate),
    };
    const event = { name: "tls:cert", data: String(depth), variables } as const;
    const context: EventContext = { variables: around, log: (targets, text) => session.write(targets, text) };
    return (await this.#main?.raise(event, context)) ?? "";
  }

  handshakeFailed(session: EventSession, text: string): void {
    this.#raise(session, { name: "tls:fail:connect", data: text });
  }

  /** @param reply What the client was told. @param then Gets what is to be logged in place of the usual line; empty: that line. */
  authenticationFailed(session: EventSession, reply: string, then: (text: string) => void): void {
    this.#raise(session, { name: "auth:fail", data: reply }, then);
  }

  #raise(session: EventSession, event: RaisedEvent, then: (text: string) => void = () => undefined): void {
    const { variables } = session.acls.session.evaluation.around;
    this.#main
      ?.raise(event, { variables, log: (targets, text) => session.write(targets, text) })
      .then(then, (err: unknown) => this.#log.error({ err }, "event_action"));
  }
}
