import type { DeliveryItem, MailEvent, RouteItem, Written } from "@postbus/contracts";
import { type CarriedMessage, MessageVariables } from "../carried/message-variables.ts";
import type { Variables } from "../expansion/evaluation.ts";
import { Tainted } from "../expansion/value.ts";
import type { EventAction, EventActions } from "./event-actions.ts";
import type { RaisedEvent } from "./raised-event.ts";

type Item = RouteItem | DeliveryItem;
type Own = NonNullable<RaisedEvent["variables"]>;

export interface RaisedOutcome {
  /** Of the work item: ids of lines derive from it. */
  readonly workId: string;
  readonly item: Item;
  /** What has become of its recipients. */
  readonly events: readonly MailEvent[];
  /** What else is known of a recipient's delivery: `sending_ip_address`, `tls_out_…`. */
  readonly known?: (recipient: string) => Own;
}

/** Exim's number for 4yz to RCPT. */
const RCPT_4XX = -44;
/** Where the host's address was found: `A`. */
const BY_ADDRESS = 65;

/**
 * Raises the events of what has become of recipients, each once, before it is committed: a process that dies then makes
 * the attempt and its events again.
 *
 * @returns the events with the lines that the actions have written, where Exim's log has them.
 */
export async function raiseOutcome(
  outcome: RaisedOutcome,
  actions: EventActions,
  service: string,
): Promise<readonly MailEvent[]> {
  const all: MailEvent[] = [];
  const lines = new Lines(outcome.workId, service, outcome.item.messageId);
  const deferrals = new Set<string>();
  for (const event of outcome.events) {
    const raised = raisedBy(event, actions, deferrals);
    if (raised === undefined) {
      all.push(event);
      continue;
    }
    const { recipient } = raised;
    const of = variablesOf(outcome.item, recipient);
    const variables = { ...raised.event.variables, ...outcome.known?.(recipient) };
    await raised.action.raise({ ...raised.event, variables }, { variables: of, log: lines.add });
    // As in Exim's log: what is done about a delivery comes behind its line, all else before it.
    if (raised.event.name === "msg:delivery") all.push(event, ...lines.take());
    else all.push(...lines.take(), event);
  }
  return all;
}

/** `msg:complete`: nothing of the message is left. @returns the lines that the action has written. */
export async function raiseComplete(
  workId: string,
  item: Item,
  action: EventAction,
  service: string,
): Promise<readonly Written[]> {
  const lines = new Lines(`${workId}:complete`, service, item.messageId);
  await action.raise({ name: "msg:complete" }, { variables: new MessageVariables(item), log: lines.add });
  return lines.take();
}

/** The variables of a recipient of an item. */
export function variablesOf(item: Item, recipient: string): Variables {
  const position = item.recipients.findIndex(({ address }) => address === recipient);
  const own = "addressVariables" in item ? item.addressVariables?.[position] : undefined;
  return new MessageVariables(item satisfies CarriedMessage, recipient, own);
}

/** Lines of the log that actions write. */
export class Lines {
  readonly #id: string;
  readonly #service: string;
  readonly #messageId: string | undefined;
  #count = 0;
  #lines: Written[] = [];

  /** @param id Those of the lines derive from it. @param messageId Undefined: they are about no message. */
  constructor(id: string, service: string, messageId: string | undefined) {
    this.#id = id;
    this.#service = service;
    this.#messageId = messageId;
  }

  readonly add = (targets: readonly ("main" | "reject" | "panic")[], text: string): void => {
    if (this.#count >= MAX_LINES) return;
    const id = `${this.#id}:log:line:${this.#count++}`;
    const about = this.#messageId === undefined ? {} : { messageId: this.#messageId };
    const common = { v: 1, id, atMs: Date.now(), service: this.#service, ...about } as const;
    this.#lines.push({ ...common, name: "log:line", targets: [...new Set(targets)], text: text.slice(0, MAX_TEXT) });
  };

  /** Those since the last call. */
  take(): readonly Written[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

/** Of one attempt. */
const MAX_LINES = 1_000;
/** Characters of a line. */
const MAX_TEXT = 8_192;

interface Raised {
  readonly action: EventAction;
  readonly event: RaisedEvent;
  readonly recipient: string;
}

function raisedBy(event: MailEvent, actions: EventActions, deferrals: Set<string>): Raised | undefined {
  if (event.name !== "msg:delivery" && event.name !== "msg:defer" && event.name !== "msg:fail:delivery")
    return undefined;
  const { recipient, transport } = event;
  const action = transport === undefined ? undefined : actions.ofTransport(transport);
  const variables = attemptVariables(event);
  switch (event.name) {
    case "msg:delivery": {
      if (action === undefined) return undefined;
      const tls = event.cipher === undefined ? {} : tlsVariables(event);
      return {
        action,
        recipient,
        event: { name: event.name, data: event.confirmation, variables: { ...variables, ...tls } },
      };
    }
    case "msg:fail:delivery": {
      if (transport !== undefined)
        return action && { action, recipient, event: { name: event.name, data: event.text, variables } };
      const { main } = actions;
      return main && { action: main, recipient, event: { name: "msg:fail:internal", data: event.text, variables } };
    }
    case "msg:defer": {
      if (action === undefined || !action.isRemote) return undefined;
      const { errno, text: data } = event;
      if (errno === RCPT_4XX) {
        return {
          action,
          recipient,
          event: { name: "msg:rcpt:defer", data, deferErrno: recipientErrno(data), variables },
        };
      }
      // It is the message's, or the hosts': once for all recipients that have met it.
      const key = `${errno} ${data}`;
      if (deferrals.has(key)) return undefined;
      deferrals.add(key);
      return { action, recipient, event: { name: event.name, data, deferErrno: errno, variables } };
    }
    default:
      throw new Error(`unhandled event: ${JSON.stringify(event satisfies never)}`);
  }
}

/** As Exim packs it: the reply's last two digits, and how the host was found. */
export function recipientErrno(text: string): number {
  const digits = /: 4([0-9]{2})(?:[ -]|$)/.exec(text)?.[1] ?? "0";
  return Number(digits) * 256 + BY_ADDRESS;
}

type Attempted = Extract<MailEvent, { name: "msg:delivery" | "msg:defer" | "msg:fail:delivery" }>;

function attemptVariables({ router, transport, host, hostAddress, hostPort }: Attempted): Own {
  return {
    router_name: router ?? "",
    transport_name: transport ?? "",
    host: host === undefined ? "" : new Tainted(host),
    host_address: hostAddress === undefined ? "" : new Tainted(hostAddress),
    host_port: hostPort,
  };
}

function tlsVariables({
  cipher = "",
  certificateVerified,
  peerName,
}: Extract<MailEvent, { name: "msg:delivery" }>): Own {
  return {
    tls_out_cipher: cipher,
    tls_out_ver: cipher.split(":")[0],
    tls_out_bits: Number(cipher.split(":")[2]) || 0,
    tls_out_certificate_verified: certificateVerified === true ? 1 : 0,
    ...(peerName === undefined ? {} : { tls_out_peerdn: new Tainted(peerName) }),
  };
}
