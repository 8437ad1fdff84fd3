import { hostname } from "node:os";
import { millis, nuid } from "@nats-io/nats-core";
import { ConfigError } from "@postbus/mail";
import type { Bus } from "../bus.ts";
import { BundleCommitter } from "./bundle-committer.ts";
import { Cancellations } from "./cancellations.ts";
import {
  checkDurability,
  checkVersion,
  consumerProblems,
  type DurabilityOption,
  streamProblems,
} from "./check-server.ts";
import { Claims } from "./claims.ts";
import { Committer, type PublisherOptions } from "./committer.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import { DoneLog } from "./done-log.ts";
import { EventWriter } from "./event-writer.ts";
import { Holders } from "./holders.ts";
import { ItemWriter } from "./item-writer.ts";
import { type LeaseTimes, leaseTimes } from "./lease.ts";
import { Link } from "./link.ts";
import { MessageParts } from "./message-parts.ts";
import { NatsBus } from "./nats-bus.ts";
import { NatsEventLog } from "./nats-event-log.ts";
import { NatsKeyValue } from "./nats-key-value.ts";
import { NatsRequestReply } from "./nats-request-reply.ts";
import { NatsSpool } from "./nats-spool.ts";
import { NatsWaiting } from "./nats-waiting.ts";
import { Presence } from "./presence.ts";
import { warn } from "./provision.ts";
import { ReadyIndex } from "./ready-index.ts";
import { ServerApi } from "./server-api.ts";
import { isNotFound } from "./server-error.ts";
import { claimsStream, names, topology } from "./topology.ts";
import type { WorkConsumer } from "./work-consumer.ts";

/** Pause before an item goes to a handler again that has thrown. */
const FAILURE_PAUSE_MS = 1_000;

export interface NatsBusOptions extends ConnectionOptions {
  /** As given to `provisionNats`. */
  readonly prefix?: string;
  /** NATS_MONITOR_URL: the server's HTTP monitoring, where its `sync_interval` can be seen. Needless with three replicas. */
  readonly monitorUrl?: string;
  /**
   * POSTBUS_BUS_DURABILITY. `r1-sync-always`: the operator knows that the single server syncs every write.
   * `unsafe`: acknowledged mail may be lost. Default `checked`.
   */
  readonly durability?: DurabilityOption;
  readonly failurePauseMs?: number;
  /** How long a publish with unknown outcome is repeated. */
  readonly publishBudgetMs?: number;
}

/**
 * Connects to the bus of a fleet; the streams must be there (`provisionNats`).
 *
 * @throws {ConfigError} the server is too old, not provisioned, not as mail needs it, or not durable.
 * @throws {BusUnavailableError} no server answers.
 */
export async function connectNatsBus(options: NatsBusOptions): Promise<Bus> {
  const connection = await openConnection(options);
  const link = new Link(connection, options.onProblem ?? warn);
  try {
    checkVersion(connection);
    const api = await ServerApi.open(link);
    const { replicas, ackWaitMs } = await checkProvisioned(api, options.prefix);
    const durability = await checkDurability(replicas, options.durability ?? "checked", options.monitorUrl);
    return await assemble(
      link,
      api,
      { batches: durability === "synced", times: leaseTimes(ackWaitMs), replicas },
      options,
    );
  } catch (err) {
    await link.close();
    throw err;
  }
}

interface Provisioned {
  /** The least that any stream of mail has. */
  readonly replicas: number;
  /** The least that any consumer has. */
  readonly ackWaitMs: number;
}

async function checkProvisioned(api: ServerApi, prefix: string | undefined): Promise<Provisioned> {
  const wanted = topology(prefix === undefined ? {} : { prefix });
  const problems: string[] = [];
  let replicas = Number.POSITIVE_INFINITY;
  let ackWaitMs = Number.POSITIVE_INFINITY;
  try {
    for (const stream of wanted.streams) {
      if (stream.storage === "memory") continue; // Made by `Claims` where it is missing.
      const info = await api.call(`look up ${stream.name}`, ({ streams }) => streams.info(stream.name));
      problems.push(...streamProblems(stream, info.config));
      if (stream.max_age === undefined) replicas = Math.min(replicas, info.config.num_replicas);
    }
    for (const { stream, config } of wanted.consumers) {
      const name = config.durable_name;
      const info = await api.call(`look up ${name}`, ({ consumers }) => consumers.info(stream, name));
      problems.push(...consumerProblems(config, info.config));
      ackWaitMs = Math.min(ackWaitMs, millis(info.config.ack_wait ?? 0));
    }
  } catch (err) {
    if (isNotFound(err)) throw new ConfigError("NATS: not provisioned: run `postbus provision`", { cause: err });
    throw err;
  }
  if (problems.length > 0) throw new ConfigError(`NATS: not as mail needs it:\n  ${problems.join("\n  ")}`);
  return { replicas, ackWaitMs };
}

async function assemble(
  link: Link,
  api: ServerApi,
  { batches, times, replicas }: { readonly batches: boolean; readonly times: LeaseTimes; readonly replicas: number },
  options: NatsBusOptions,
): Promise<Bus> {
  const { publishBudgetMs: budgetMs, failurePauseMs = FAILURE_PAUSE_MS } = options;
  const n = names(options.prefix);
  const singly = new Committer(link, { batches: false });
  const cancellations = new Cancellations(link, api, singly);
  const edgeOptions = (stream: string): PublisherOptions => ({
    ...(budgetMs !== undefined && { budgetMs }),
    onUnknown: (message) => cancellations.add(stream, message),
  });
  const claims = new Claims(
    link,
    api,
    n,
    `${hostname()}/${process.pid}/${nuid.next()}`,
    times,
    claimsStream(n, replicas),
  );
  await claims.verify();
  const done = new DoneLog(link, api, n);
  const ready = { route: new ReadyIndex(link, api, n, "route"), deliver: new ReadyIndex(link, api, n, "deliver") };
  const presence = new Presence({ api, names: n, done, ready });
  const eventWriter = new EventWriter(link, n.subject);
  const parts = new MessageParts(new NatsKeyValue(link, api, n, "parts"));
  const publishers = (options: (stream: string) => PublisherOptions) => ({
    route: new BundleCommitter(link, n.subject, "route", options(n.work.route)),
    deliver: new BundleCommitter(link, n.subject, "deliver", options(n.work.deliver)),
    deferred: new Committer(link, { batches, ...options(n.deferred) }),
    frozen: new Committer(link, { batches, ...options(n.frozen) }),
  });
  const common = { prefix: n.subject, singly, presence, parts, events: eventWriter };
  const writer = new ItemWriter({ ...common, publishers: publishers(() => ({})) });
  const edgeWriter = new ItemWriter({ ...common, publishers: publishers(edgeOptions) });
  const spool = new NatsSpool(link, api, n);
  const consumers = new Set<WorkConsumer>();
  const holders = new Holders(link, api, n, consumers);
  return new NatsBus({
    link,
    api,
    names: n,
    edgeWriter,
    eventWriter,
    cancellations,
    events: new NatsEventLog(link, api, n, eventWriter),
    waiting: new NatsWaiting({ link, api, names: n, writer, spool, holders, claims, done, ready }),
    spool,
    requests: new NatsRequestReply(link, n.subject),
    holders,
    consumers,
    journals: new Set(),
    forConsumers: {
      link,
      api,
      claims,
      done,
      writer,
      names: n,
      spool,
      times,
      failurePauseMs,
    },
    bucket: (name) => new NatsKeyValue(link, api, n, name),
  });
}
