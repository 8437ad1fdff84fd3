import { randomUUID, type X509Certificate } from "node:crypto";
import type { CalloutRequest, Written } from "@postbus/contracts";
import { domainOf, localPartOf } from "@postbus/mail";
import { type EventActions, Lines, type RaisedEvent, type Variables } from "@postbus/policy";
import type { EventHop } from "./attempt-events.ts";
import { certificateEvent, lookupEvents } from "./connection-events.ts";

type Action = NonNullable<EventActions["main"]>;
type Asked = Pick<CalloutRequest, "address" | "transport" | "session">;

/** What `event_action` says in the course of one callout: of lookups and connections only, for there is no message. */
export class CalloutEvents {
  readonly #action: Action | undefined;
  readonly #main: Action | undefined;
  readonly #transport: string;
  readonly #variables: Variables;
  readonly #lines = new Lines(`callout:${randomUUID()}`, "delivery", undefined);
  readonly #record: (lines: readonly Written[]) => void;

  /** @param record Gets lines for the log, as they are written. */
  constructor(asked: Asked, actions: EventActions, record: (lines: readonly Written[]) => void) {
    this.#action = actions.ofTransport(asked.transport);
    this.#main = actions.main;
    this.#transport = asked.transport;
    this.#variables = variablesOf(asked);
    this.#record = record;
  }

  /** @returns why the connection is not to be made; empty: it is. */
  connecting(hop: EventHop): Promise<string> {
    return this.#raise({ name: "tcp:connect" }, hop);
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

  /** Whether somebody wants to see certificates. */
  get judges(): boolean {
    return this.#action !== undefined;
  }

  /** As in Exim, the main section's, and nothing is known but the session. Nobody waits for it. @param isKnown That there is none. */
  notFound(name: string, isKnown: boolean): void {
    if (this.#main === undefined) return;
    const variables = { local_part: "", domain: "" };
    void this.#raiseAll(
      lookupEvents(name, isKnown).map((event) => ({ ...event, variables })),
      this.#main,
    );
  }

  /** For the log. */
  note(text: string): void {
    this.#lines.add(["main"], text);
    this.#flush();
  }

  /** Nobody waits for it. */
  closed(hop: EventHop): void {
    void this.#raise({ name: "tcp:close" }, hop);
  }

  async #raiseAll(events: readonly RaisedEvent[], action: Action): Promise<void> {
    for (const event of events) await this.#said(event, action);
  }

  async #raise(event: RaisedEvent, { name, address, port, localAddress, localPort }: EventHop): Promise<string> {
    if (this.#action === undefined) return "";
    const variables: RaisedEvent["variables"] = {
      ...event.variables,
      transport_name: this.#transport,
      host: name,
      host_address: address,
      host_port: port,
      sending_ip_address: localAddress ?? "",
      sending_port: localPort ?? -1,
    };
    return this.#said({ ...event, variables }, this.#action);
  }

  async #said(event: RaisedEvent, action: Action): Promise<string> {
    const answer = await action.raise(event, { variables: this.#variables, log: this.#lines.add });
    this.#flush();
    return answer;
  }

  #flush(): void {
    const lines = this.#lines.take();
    if (lines.length > 0) this.#record(lines);
  }
}

/** There is no message yet. */
export function variablesOf({ address, session }: Pick<Asked, "address" | "session">): Variables {
  const values: Readonly<Record<string, string>> = {
    local_part: localPartOf(address),
    domain: domainOf(address),
    ...(session === undefined
      ? {}
      : {
          verify_mode: session.verifies === "sender" ? "S" : "R",
          sender_address: session.returnPath,
          sender_host_address: session.clientAddress,
        }),
  };
  return { get: (name) => (Object.hasOwn(values, name) ? values[name] : undefined) };
}
