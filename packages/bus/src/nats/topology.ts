import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";
import { nanos } from "@nats-io/nats-core";
import type { Queue } from "../bus.ts";
import { ACK_WAIT_MS } from "./lease.ts";

/**
 * How long the server remembers ids. A publish whose acknowledgement was lost is repeated for `PUBLISH_BUDGET_MS`,
 * so it must be longer than that; the server's memory for it grows with it.
 */
export const DUPLICATE_WINDOW_MS = 120_000;

/** How long events are kept by default: what logger may be behind before the main log has a gap. */
const EVENTS_KEPT_MS = 7 * 24 * 3_600_000;
/** By default; the oldest events go first. The server sets the room aside when the stream is made. */
const EVENTS_MAX_OCTETS = 1024 ** 3;

/** Ids of the last half million items that ended: more than can be in doubt after a server was killed. */
const DONE_MAX_OCTETS = 16 * 1024 ** 2;

/** Enough for every process of a fleet; a bound that is reached would keep new mail from being handed out. */
const MAX_ACK_PENDING = 100_000;

export interface TopologyOptions {
  /** Put before every subject and (in capitals) every stream name, so that two fleets can share a server. Default none. */
  readonly prefix?: string;
  /** 1, or 3 and more for a cluster. Default 1. */
  readonly replicas?: number;
  /**
   * Octets of mail that wait to be routed, at most; beyond it new mail is answered 452. What was accepted goes on:
   * the later streams have no such bound. Default: no bound but the server's.
   */
  readonly maxAcceptedOctets?: number;
  readonly eventsKeptMs?: number;
  /** After how long without a sign of life an item is handed to another process. */
  readonly ackWaitMs?: number;
  readonly eventsMaxOctets?: number;
}

export type Stream = Partial<StreamConfig> & { readonly name: string };
type Consumer = Partial<ConsumerConfig> & { readonly durable_name: string };

/** Names on the server. Kept in one place, so that provisioning, checks and use cannot differ. */
export interface Names {
  /** Before every subject. */
  readonly subject: string;
  readonly work: Readonly<Record<Queue, string>>;
  readonly deferred: string;
  readonly frozen: string;
  readonly events: string;
  readonly done: string;
  readonly content: string;
  readonly values: string;
  readonly claims: string;
}

export function names(prefix = ""): Names {
  const stream = (name: string) => `${prefix.toUpperCase().replace(/[^A-Z0-9_-]/g, "_")}${name}`;
  return {
    subject: prefix,
    work: { route: stream("MAIL_ROUTE"), deliver: stream("MAIL_DELIVER") },
    deferred: stream("MAIL_DEFERRED"),
    frozen: stream("MAIL_FROZEN"),
    events: stream("MAIL_EVENTS"),
    done: stream("MAIL_DONE"),
    content: stream("MAIL_CONTENT"),
    values: stream("MAIL_VALUES"),
    claims: stream("MAIL_CLAIMS"),
  };
}

/**
 * In memory: claims and the epoch must be gone when a server comes back without its memory of what it handed out. A
 * single server that is started again has lost the stream itself, so the driver makes this one where it is missing.
 */
export function claimsStream(n: Names, replicas: number): Stream {
  return {
    name: n.claims,
    subjects: [`${n.subject}claim.>`],
    storage: "memory",
    num_replicas: replicas,
    allow_direct: true,
    retention: "limits",
    discard: "new",
    max_msgs_per_subject: 1,
    allow_msg_ttl: true,
  };
}

export interface Topology {
  readonly streams: readonly Stream[];
  readonly consumers: readonly { readonly stream: string; readonly config: Consumer }[];
}

/**
 * Everything that must be on the server.
 *
 * One stream for each kind of work, since a stream is a file that is synced on its own, and since the bound on
 * accepted mail must not stop what was accepted before. They keep what was acknowledged, and `Purger` removes it: a work
 * queue would delete, and sync, item by item (`DoneLog`). Deferred items have a third: the server refuses message
 * schedules together with `discard: new`, so that stream has no limit at which "old" could be discarded.
 */
export function topology(options: TopologyOptions = {}): Topology {
  const n = names(options.prefix);
  const replicas = options.replicas ?? 1;
  const durable = { storage: "file", num_replicas: replicas, allow_direct: true } as const;
  const mail = {
    ...durable,
    retention: "limits",
    discard: "new",
    allow_atomic: true,
    // A bundle is replaced by what is left of it when an operator takes an item out (`NatsWaiting`).
    allow_rollup_hdrs: true,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  } as const;
  const streams: Stream[] = [
    { ...mail, name: n.work.route, subjects: [`${n.subject}mail.route.>`], max_bytes: options.maxAcceptedOctets ?? -1 },
    { ...mail, name: n.work.deliver, subjects: [`${n.subject}mail.deliver.>`] },
    {
      ...mail,
      retention: "workqueue",
      discard: "old",
      allow_msg_schedules: true,
      name: n.deferred,
      subjects: [`${n.subject}mail.deferred.>`, `${n.subject}mail.due.>`],
    },
    { ...mail, name: n.frozen, subjects: [`${n.subject}mail.frozen.>`] },
    {
      ...durable,
      name: n.events,
      subjects: [`${n.subject}event.>`],
      retention: "limits",
      discard: "old",
      max_age: nanos(options.eventsKeptMs ?? EVENTS_KEPT_MS),
      max_bytes: options.eventsMaxOctets ?? EVENTS_MAX_OCTETS,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      // Not `persist_mode: async`: a server that is killed loses the last events then and gives their numbers to new
      // ones, which every reader takes for old. The mail does not wait for the sync of an event.
    },
    {
      ...durable,
      name: n.done,
      subjects: [`${n.subject}done.>`],
      retention: "limits",
      discard: "old",
      max_bytes: DONE_MAX_OCTETS,
    },
    { ...durable, name: n.content, subjects: [`${n.subject}content.>`], retention: "limits", discard: "new" },
    {
      ...durable,
      name: n.values,
      subjects: [`${n.subject}value.>`],
      retention: "limits",
      discard: "new",
      max_msgs_per_subject: 1,
      allow_msg_ttl: true,
    },
    claimsStream(n, replicas),
  ];
  const consumer = (name: string, filter: string): Consumer => ({
    durable_name: name,
    filter_subject: `${n.subject}${filter}`,
    ack_policy: "explicit",
    deliver_policy: "all",
    ack_wait: nanos(options.ackWaitMs ?? ACK_WAIT_MS),
    max_ack_pending: MAX_ACK_PENDING,
    // Poisoned items are frozen by us, with the reason; the server would drop them without a word.
    max_deliver: -1,
  });
  return {
    streams,
    consumers: [
      { stream: n.work.route, config: consumer("route", "mail.route.>") },
      { stream: n.work.deliver, config: consumer("deliver", "mail.deliver.>") },
      { stream: n.deferred, config: consumer("due-route", "mail.due.route.>") },
      { stream: n.deferred, config: consumer("due-deliver", "mail.due.deliver.>") },
    ],
  };
}
