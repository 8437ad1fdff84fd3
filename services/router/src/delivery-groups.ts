import type { Recipient } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import type { Policy, Route } from "@postbus/policy";

export type Deliver = Extract<Route, { kind: "deliver" }>;

/** Recipients of one delivery item: one transaction, or one run of a local transport. */
export interface DeliveryGroup {
  readonly route: Deliver;
  readonly transportClass: "smtp" | "local";
  readonly domain: string;
  readonly recipients: Recipient[];
  /** Of the recipients in the route item. */
  readonly positions: number[];
}

/** Recipients of one item of a local transport: what a crash may make a delivery do again. */
const MAX_LOCAL_RECIPIENTS = 100;

/**
 * Gathers recipients that can be served together: by the same router and transport, at the same hosts (for a transport
 * that finds its hosts by itself, and for a local one: of the same domain), up to the transport's limit.
 */
export class DeliveryGroups {
  readonly #policy: Pick<Policy, "transport">;
  /** The group that still has room. */
  readonly #open = new Map<string, DeliveryGroup>();
  readonly all: DeliveryGroup[] = [];

  constructor(policy: Pick<Policy, "transport">) {
    this.#policy = policy;
  }

  add(route: Deliver, recipient: Recipient, position: number): void {
    const domain = domainOf(recipient.address);
    const transport = this.#policy.transport(route.transport);
    const isSmtp = transport.driver === "smtp";
    // The transport's own hosts are the same for all domains.
    const place = route.hosts?.join(" ") ?? (isSmtp && transport.hosts.length > 0 ? "" : domain);
    const key = `${route.router}\n${route.transport}\n${place}`;
    const limit = isSmtp ? transport.maxRcpt : MAX_LOCAL_RECIPIENTS;

    const open = this.#open.get(key);
    // `max_rcpt = 0` means no limit (Exim specification, "The smtp transport").
    if (open !== undefined && (limit === 0 || open.recipients.length < limit)) {
      open.recipients.push(recipient);
      open.positions.push(position);
      return;
    }
    const transportClass = isSmtp ? "smtp" : "local";
    const group: DeliveryGroup = { route, transportClass, domain, recipients: [recipient], positions: [position] };
    this.#open.set(key, group);
    this.all.push(group);
  }
}
