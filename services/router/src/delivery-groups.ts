import type { CarriedValue, Recipient } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import { type CompiledTransport, carriedValues, type Policy } from "@postbus/policy";
import type { Delivery, RoutedHost } from "@postbus/routing";

/** Recipients of one delivery item: one transaction, or one run of a local transport. */
export interface DeliveryGroup {
  /** Of the first recipient; the same for all of them in what the group is by. */
  readonly delivery: Delivery;
  /** What the sender wants of reports is not passed on: we make them. */
  readonly isLastHop: boolean;
  readonly transport: CompiledTransport;
  readonly transportClass: "smtp" | "local";
  readonly domain: string;
  readonly recipients: Recipient[];
  /** Of the recipients in the item that is handled. */
  readonly positions: number[];
  /** For each recipient, if the transport's options are expanded. */
  readonly variables: Record<string, CarriedValue>[];
}

/** The same host is another one for a domain of which nobody vouches that it is its. */
const hostKey = ({ name, address, port, isRecordAuthenticated }: RoutedHost): string =>
  `${name} ${address} ${port} ${isRecordAuthenticated === true}`;

/** What the sender is told of is the address that he has given: nobody behind a redirection knows it. */
const isSuccessOurs = ({ address, parents }: Delivery, { notification }: Recipient): boolean =>
  notification?.notify?.includes("SUCCESS") === true && parents.some((parent) => parent !== address);

/** What recipients of one item have in common, apart from transport and hosts. Most have nothing but the router. */
function ownWords(delivery: Delivery): string {
  const { router, errorsTo, srsSender, headersAdd, headersRemove, fallbackHosts, to, address } = delivery;
  const { user, group, hostText } = delivery;
  const headers = headersAdd.length + headersRemove.length === 0 ? "" : JSON.stringify([headersAdd, headersRemove]);
  const owner =
    user === undefined && group === undefined && hostText === undefined ? "" : `${user}\n${group}\n${hostText}`;
  const item = to === "mailbox" ? "" : `${to} ${address}`;
  const more = fallbackHosts === undefined ? "" : fallbackHosts;
  return `${router}\n${errorsTo ?? "-"}\n${srsSender ?? "-"}\n${more}\n${owner}\n${item}\n${headers}`;
}

/**
 * Gathers recipients that can be served together: by the same router and transport, with the same return path and the
 * same header changes, at the same hosts (for a transport that finds its hosts by itself, and for a local one: of the same domain), up to the
 * transport's limit.
 */
export class DeliveryGroups {
  readonly #policy: Pick<Policy, "transport">;
  /** The group that still has room. */
  readonly #open = new Map<string, DeliveryGroup>();
  readonly all: DeliveryGroup[] = [];

  constructor(policy: Pick<Policy, "transport">) {
    this.#policy = policy;
  }

  /** @param name Of the transport. @throws {ConfigError} there is no such transport. */
  add(delivery: Delivery, name: string, recipient: Recipient, position: number): void {
    const { to } = delivery;
    const domain = domainOf((to === "mailbox" ? undefined : delivery.parents[0]) ?? recipient.address);
    const transport = this.#policy.transport(name);
    const isSmtp = transport.driver === "smtp";
    const hosts = delivery.hosts?.map(hostKey).join("\n");
    // The transport's own hosts are the same for all domains.
    const place = hosts ?? (isSmtp && transport.hasOwnHosts ? "" : domain);
    const isLastHop = delivery.isLastHop || isSuccessOurs(delivery, recipient);
    const key = `${isLastHop ? "last" : ""}\n${transport.name}\n${ownWords(delivery)}\n${place}`;

    const open = this.#open.get(key);
    // `max_rcpt = 0` means no limit (Exim specification, "The smtp transport").
    const hasRoom = open !== undefined && (transport.maxRcpt === 0 || open.recipients.length < transport.maxRcpt);
    const group = hasRoom ? open : this.#begin(key, { delivery, isLastHop, transport, domain });
    group.recipients.push(recipient);
    group.positions.push(position);
    const { variables: isNamed } = transport;
    if (isNamed === undefined) return;
    group.variables.push(carriedValues(delivery.variables.entries().filter(([name]) => isNamed(name))) ?? {});
  }

  #begin(key: string, by: Pick<DeliveryGroup, "delivery" | "isLastHop" | "transport" | "domain">): DeliveryGroup {
    const transportClass = by.transport.driver === "smtp" ? "smtp" : "local";
    const group: DeliveryGroup = { ...by, transportClass, recipients: [], positions: [], variables: [] };
    this.#open.set(key, group);
    this.all.push(group);
    return group;
  }
}
