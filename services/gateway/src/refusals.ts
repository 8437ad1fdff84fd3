import type { Rejected } from "@postbus/contracts";
import type { AclAnswer, TlsView } from "@postbus/policy";
import { type LoggedClient, loggedClient } from "./log/logged-client.ts";
import { receivedOver } from "./log/received-over.ts";
import type { LoggedAuthentication } from "./log/session-log.ts";
import type { RejectionStage } from "./metrics.ts";
import type { Surroundings } from "./surroundings.ts";

/** Whom it concerns. */
interface Refusing extends LoggedClient {
  readonly authentication: LoggedAuthentication | undefined;
  readonly tls: TlsView | undefined;
  readonly envelope:
    | { readonly returnPath: string; readonly facts: { readonly spfResult: string | undefined } }
    | undefined;
}

/** Of a message that was refused, and where that is to be logged. */
type RefusedMessage = Pick<Rejected, "messageId" | "details" | "targets">;
type More = RefusedMessage & Pick<Rejected, "ofHandshake" | "tls">;

/** What one client was refused, for the log and the metrics. */
export class Refusals {
  readonly #client: Refusing;
  readonly #surroundings: Surroundings;

  constructor(client: Refusing, surroundings: Surroundings) {
    this.#client = client;
    this.#surroundings = surroundings;
  }

  /** A policy has said no. @param what It was said to: `RCPT <a@b>`. */
  byPolicy(
    { isTemporary, log, logTargets }: AclAnswer,
    stage: RejectionStage,
    what: string,
    message: RefusedMessage = {},
  ): void {
    // `log_reject_target =` with nothing behind it: not to be logged.
    if (logTargets?.length === 0) return;
    // As in Exim, of several lines the first.
    const why = log === undefined ? "" : `: ${/^.*/.exec(log)?.[0] ?? ""}`;
    const targets = logTargets === undefined ? {} : { targets: [...new Set(logTargets)] };
    const { tls } = this.#client;
    const over = tls === undefined ? {} : { tls: receivedOver(tls) };
    this.add(stage, `${isTemporary ? "temporarily " : ""}rejected ${what}${why}`, { ...message, ...targets, ...over });
  }

  add(stage: RejectionStage, text: string, more: More = {}): void {
    this.#surroundings.metrics.rejections.inc({ stage });
    this.#record(text, more);
  }

  /** No command was refused, but TLS. */
  ofHandshake(text: string): void {
    this.#record(text, { ofHandshake: true });
  }

  #record(text: string, more: More): void {
    const { rejections, messageIds, policy } = this.#surroundings;
    const { envelope, authentication } = this.#client;
    const { selectors } = policy.log;
    const spf = envelope?.facts.spfResult;
    const event: Rejected = {
      v: 1,
      id: `${messageIds.next()}/reject`,
      atMs: Date.now(),
      service: "gateway",
      name: "smtp:reject",
      ...loggedClient(this.#client, selectors),
      text,
      ...more,
      ...(envelope === undefined ? {} : { returnPath: envelope.returnPath }),
      ...(authentication === undefined ? {} : { authenticator: authentication.by }),
      ...(authentication === undefined || authentication.id === "" ? {} : { authenticatedId: authentication.id }),
      ...(spf !== undefined && (selectors.has("spf") || selectors.has("spf_verbose")) ? { spf } : {}),
    };
    rejections.add(event);
  }
}

/** What was refused of a message that has come, in Exim's words. */
export function contentStageName({ record }: AclAnswer): string {
  switch (record.stage) {
    case "dkim":
      return "DKIM ";
    case "mime":
      return "during MIME ACL checks";
    default:
      return "after DATA";
  }
}
