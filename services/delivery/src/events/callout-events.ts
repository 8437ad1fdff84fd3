import { randomUUID } from "node:crypto";
import type { CalloutRequest, Written } from "@postbus/contracts";
import { domainOf, localPartOf } from "@postbus/mail";
import { Lines, type RaisedEvent, type TransportEventAction, type Variables } from "@postbus/policy";
import type { EventHop } from "./attempt-events.ts";

type Asked = Pick<CalloutRequest, "address" | "transport" | "session">;

/** What `event_action` of a transport says in the course of one callout: of its connections only, for there is no message. */
export class CalloutEvents {
  readonly #action: TransportEventAction;
  readonly #transport: string;
  readonly #variables: Variables;
  readonly #lines = new Lines(`callout:${randomUUID()}`, "delivery", undefined);
  readonly #record: (lines: readonly Written[]) => void;

  /** @param record Gets what actions write, as they write it. */
  constructor(asked: Asked, action: TransportEventAction, record: (lines: readonly Written[]) => void) {
    this.#action = action;
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

  /** Nobody waits for it. */
  closed(hop: EventHop): void {
    void this.#raise({ name: "tcp:close" }, hop);
  }

  async #raise(event: RaisedEvent, { name, address, port, localAddress, localPort }: EventHop): Promise<string> {
    const variables: RaisedEvent["variables"] = {
      transport_name: this.#transport,
      host: name,
      host_address: address,
      host_port: port,
      sending_ip_address: localAddress ?? "",
      sending_port: localPort ?? -1,
    };
    const answer = await this.#action.raise(
      { ...event, variables },
      { variables: this.#variables, log: this.#lines.add },
    );
    const lines = this.#lines.take();
    if (lines.length > 0) this.#record(lines);
    return answer;
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
