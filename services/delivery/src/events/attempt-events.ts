import type { X509Certificate } from "node:crypto";
import type { DeliveryItem, Written } from "@postbus/contracts";
import { Lines, type RaisedEvent, recipientErrno, type TransportEventAction, variablesOf } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import { errnos } from "@postbus/smtp";
import type { OpenFailure } from "../smtp/open-failure.ts";
import { certificateEvent, lookupEvents } from "./connection-events.ts";

/** A host, and our end of the connection to it. */
export interface EventHop {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Absent before TCP is connected. */
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/**
 * What `event_action` of a transport says in the course of one attempt, one event after the other. There is one only where a
 * transport has an action.
 */
export class AttemptEvents {
  readonly #item: DeliveryItem;
  readonly #action: TransportEventAction;
  readonly #lines: Lines;
  /** The host that was asked last. */
  lastHop: EventHop | undefined;
  #later: ((lines: readonly Written[]) => void) | undefined;

  /** @param id Of the work item. */
  constructor(id: string, item: DeliveryItem, action: TransportEventAction) {
    this.#item = item;
    this.#action = action;
    this.#lines = new Lines(`${id}:attempt`, "delivery", item.messageId);
  }

  /**
   * The attempt is over.
   *
   * @param later Gets what actions write behind it: connections are closed when they are not needed any more.
   * @returns the lines that they have written.
   */
  end(later: (lines: readonly Written[]) => void): readonly Written[] {
    this.#later = later;
    return this.#lines.take();
  }

  /** @returns why the connection is not to be made; empty: it is. */
  connecting(hop: EventHop): Promise<string> {
    return this.#raise({ name: "tcp:connect" }, hop);
  }

  /** Nobody waits for it, and its failure is a line of the log. */
  closed(hop: EventHop): void {
    void this.#raise({ name: "tcp:close" }, hop).then(() => {
      const lines = this.#later === undefined ? [] : this.#lines.take();
      if (lines.length > 0) this.#later?.(lines);
    });
  }

  /** @param banner Its lines joined by LF. @returns why nothing is to be said to the host. */
  greeted(hop: EventHop, banner: string): Promise<string> {
    return this.#raise({ name: "smtp:connect", data: banner }, hop);
  }

  /** @param reply To EHLO or HELO, its lines joined by LF. */
  async introduced(hop: EventHop, reply: string): Promise<void> {
    await this.#raise({ name: "smtp:ehlo", data: reply }, hop);
  }

  /** @param depth 0: the host's own. @returns why the certificate is not good. */
  certificate(hop: EventHop, depth: number, certificate: X509Certificate): Promise<string> {
    return this.#raise(certificateEvent(depth, certificate), hop);
  }

  /** @param reply What the host has said to AUTH. @returns what is to be logged instead of the usual line. */
  authenticationFailed(hop: EventHop, reply: string): Promise<string> {
    return this.#raise({ name: "auth:fail", data: reply }, hop);
  }

  /** There is no such host, or nobody could tell. @param isKnown That there is none. */
  async notFound(name: string, isKnown: boolean): Promise<void> {
    for (const event of lookupEvents(name, isKnown)) await this.#raise(event, undefined);
  }

  /** The host could not be talked to, whatever the message. */
  async hostDeferred(hop: EventHop, { errno, text, facts }: OpenFailure): Promise<void> {
    await this.#raise({ name: "msg:host:defer", data: text, deferErrno: errno }, withOwnEnd(hop, facts));
  }

  /**
   * The end of a transaction, for those of its recipients whom the host has put off: 4yz to RCPT.
   *
   * @param batch Their positions among the recipients of the item. @param results Of all of these.
   */
  async recipientsDeferred(
    hop: EventHop,
    batch: readonly number[],
    results: readonly (AttemptResult | undefined)[],
  ): Promise<void> {
    for (const position of batch) {
      const result = results[position];
      if (result?.outcome !== "deferred" || result.errno !== errnos.rcpt4xx) continue;
      const { text } = result;
      const event = { name: "msg:rcpt:host:defer", data: text, deferErrno: recipientErrno(text) } as const;
      await this.#raise(event, withOwnEnd(hop, result), this.#item.recipients[position]?.address ?? "");
    }
  }

  /** @param hop Undefined: there is none yet. */
  async #raise(event: RaisedEvent, hop: EventHop | undefined, recipient?: string): Promise<string> {
    this.lastHop = hop ?? this.lastHop;
    const { router, transport, recipients } = this.#item;
    const [only, ...more] = recipients;
    const about = recipient ?? only?.address ?? "";
    const variables: RaisedEvent["variables"] = {
      ...event.variables,
      router_name: router,
      transport_name: transport,
      host: hop?.name ?? "",
      host_address: hop?.address ?? "",
      host_port: hop?.port ?? 0,
      sending_ip_address: hop?.localAddress ?? "",
      sending_port: hop?.localPort ?? -1,
      // Of several recipients, none is the one that it is about.
      ...(recipient === undefined && more.length > 0 ? { local_part: "" } : {}),
    };
    const of = variablesOf(this.#item, about);
    return this.#action.raise({ ...event, variables }, { variables: of, log: this.#lines.add });
  }
}

const withOwnEnd = (hop: EventHop, own: Pick<EventHop, "localAddress" | "localPort"> | undefined): EventHop => ({
  ...hop,
  localAddress: own?.localAddress,
  localPort: own?.localPort,
});
