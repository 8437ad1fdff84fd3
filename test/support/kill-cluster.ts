import { setTimeout as delay } from "node:timers/promises";
import { type NatsServer, startRecordingSink } from "@postbus/testkit";
import { judge, type Verdict } from "./checker.ts";
import { startLoad } from "./endless-load.ts";
import { type Fleet, startFleet } from "./fleet-processes.ts";
import { KillStory } from "./kill-story.ts";
import { checkRecord, type RecordVerdict } from "./record-check.ts";

export interface ClusterVerdict extends Verdict {
  readonly record: RecordVerdict;
  /** How long no mail reached the next hop after each kill. */
  readonly stillnessMs: readonly number[];
}

export interface ClusterOptions {
  readonly kills: number;
  readonly messages: number;
  readonly connections: number;
  readonly rate: number;
  readonly log: (line: string) => void;
}

/** Whose leader is killed. */
const STREAMS = ["MAIL_ROUTE", "MAIL_DELIVER", "MAIL_DONE", "MAIL_CLAIMS"];
/** A new leader must be there, and mail flow again, within that time: reliability §6, "back within 60 s without a human". */
const STILL_MAX_MS = 60_000;
/** Messages that must have reached the next hop before the dead server comes back. */
const FLOWING = 100;
const DRAIN_MS = 120_000;

/** Three servers, three replicas: the leader of one stream after the other is killed, and comes back only when mail flows without it. */
export async function killLeaders(options: ClusterOptions): Promise<ClusterVerdict> {
  const { kills, messages, connections, rate, log } = options;
  const story = new KillStory();
  const sink = await startRecordingSink({ onReceived: (key) => story.received(key) });
  const fleet = await startFleet({ sinkPort: sink.port, natsServers: 3 });
  try {
    const load = startLoad({ port: fleet.smtpPort, connections, prefix: "c", rate, atLeast: messages });
    const stillnessMs: number[] = [];
    await hasGrown(sink.received, 0);
    for (let kill = 0; kill < kills; kill++) {
      const stream = STREAMS[kill % STREAMS.length] ?? "";
      const leader = await leaderOf(fleet, stream);
      story.killed(`leader of ${stream}`);
      await leader.kill();
      const before = sink.received.size;
      stillnessMs.push(await hasGrown(sink.received, before));
      await leader.start();
      await isWell(leader);
    }
    const submitted = await load.finish();
    const wanted = submitted.filter((message) => message.acknowledged > 0).map(({ id }) => `${id} user@sink.test`);
    await sink.waitFor(wanted, DRAIN_MS).catch((err: Error) => log(err.message)); // The verdict says it, with the ids.
    const record = await checkRecord(fleet.data, fleet.http, submitted);
    const verdict = judge(submitted, sink);
    log(`${FLOWING} messages came within, ms: ${stillnessMs.map(Math.round).join(" ")}`);
    log(`${verdict.acknowledged} acknowledged, ${verdict.lost.length} lost, ${verdict.duplicates} doubled`);
    for (const line of [...record.problems, story.timeline(), ...story.duplicates(verdict.doubled)]) log(line);
    const isWrong = verdict.lost.length + verdict.duplicates + record.problems.length + record.unannounced.length > 0;
    if (isWrong) log(fleet.complaints());
    return { ...verdict, record, stillnessMs };
  } catch (err) {
    log(fleet.complaints());
    throw err;
  } finally {
    await fleet.end();
    await sink.stop();
  }
}

/** Resolves with the time that `FLOWING` more took. @throws {Error} if they do not come. */
async function hasGrown(received: ReadonlyMap<string, number>, from: number): Promise<number> {
  const start = performance.now();
  while (received.size < from + FLOWING) {
    const tookMs = performance.now() - start;
    if (tookMs > STILL_MAX_MS) throw new Error(`${received.size - from} messages in ${tookMs} ms: mail does not flow`);
    await delay(20);
  }
  return performance.now() - start;
}

/** Asked of the servers' monitoring: each says who it thinks leads. */
async function leaderOf({ nats }: Fleet, stream: string): Promise<NatsServer> {
  for (const end = performance.now() + STILL_MAX_MS; performance.now() < end; await delay(100)) {
    for (const server of nats) {
      const response = await fetch(`${server.monitorUrl}/jsz?streams=true`).catch(() => undefined);
      const { account_details: accounts = [] } = ((await response?.json()) ?? {}) as Jsz;
      const details = accounts.flatMap(({ stream_detail }) => stream_detail ?? []);
      const name = details.find((detail) => detail.name === stream)?.cluster?.leader;
      // The testkit calls them n1, n2, n3.
      const leader = nats[Number(name?.slice(1)) - 1];
      if (leader !== undefined && leader.pid !== -1) return leader;
    }
  }
  throw new Error(`${stream} has no leader`);
}

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly cluster?: { readonly leader?: string } }[];
  }[];
}

/** The server has caught up: before that, killing the next one would take two of three away. */
async function isWell(server: NatsServer): Promise<void> {
  for (const end = performance.now() + STILL_MAX_MS; performance.now() < end; await delay(100)) {
    const response = await fetch(`${server.monitorUrl}/healthz`).catch(() => undefined);
    if (response?.ok === true) return;
  }
  throw new Error(`${server.url} is not well after ${STILL_MAX_MS} ms`);
}
