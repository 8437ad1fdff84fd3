import { BenchClient } from "../bench-client.ts";
import { runSource, type Sink, startSink } from "../load.ts";
import type { System } from "../systems/system.ts";
import { quantile } from "./quantile.ts";
import type { Scenario } from "./scenario.ts";

const LIVE_MESSAGES = 5_000;
const CLIENTS = 4;
const PER_SECOND = 25;
const SECONDS = 40;
const WARM_UP = 2_000;
/** Waiting messages are idle when they take less of a processor than this. */
const IDLE_CPU = 0.15;
const LOOK_MS = 3_000;
const SETTLE_DEADLINE_MS = 180_000;
/** All that waits has come back by then, and some of it twice. */
const DRAIN_DEADLINE_MS = 600_000;

interface Live {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * A next hop that is dead, with so many messages that wait for it: what live mail feels of them, what they take of memory,
 * and how fast they leave when it is back.
 */
export const backlog: Scenario = {
  name: "backlog",
  hold: false,
  hasDeadHop: true,
  async run(system, sink, { messages, connections, size }) {
    const { deadPort } = system;
    if (deadPort === undefined) throw new Error("its policy has no host that is dead");
    const state = { system, sink, sent: 0, connections, size };
    await relayed(state, WARM_UP);
    const before = await live(state);
    const { account, port } = system;
    const half = Math.ceil(messages / 2);
    const dead = { port, messages: half, connections, size, recipient: "user@dead.test" };
    let seconds = await runSource(dead);
    await settled(system);
    // What the collector of garbage leaves for itself, it has got by now.
    const octetsBefore = [account.anonymousOctets(), account.residentOctets()] as const;
    seconds += await runSource(dead);
    await settled(system);
    const octets = (account.anonymousOctets() - octetsBefore[0]) / half;
    const withPagesOfFiles = (account.residentOctets() - octetsBefore[1]) / half;
    const during = await live(state);
    const back = await startSink(deadPort);
    const start = performance.now();
    try {
      await back.received(messages, DRAIN_DEADLINE_MS);
    } finally {
      await back.stop();
    }
    const drain = (performance.now() - start) / 1000;
    return {
      "live messages/s beside it / without it": during.perSecond / before.perSecond,
      "p99 beside it / without it": during.p99Ms / before.p99Ms,
      "p50 beside it / without it": during.p50Ms / before.p50Ms,
      "ms p99 without it": before.p99Ms,
      "accepted/s of the dead": messages / seconds,
      "octets of memory for each": octets,
      "with mapped pages of files": withPagesOfFiles,
      "drained/s from the hop's return": messages / drain,
    };
  },
};

/** All of them have been found to wait: the system has nothing to do, or so little that it is its usual state. */
async function settled({ account }: System): Promise<void> {
  for (const end = performance.now() + SETTLE_DEADLINE_MS; performance.now() < end; ) {
    const before = account.cpuSeconds();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (account.cpuSeconds() - before < (IDLE_CPU * LOOK_MS) / 1000) return;
  }
}

interface State {
  readonly system: System;
  readonly sink: Sink;
  sent: number;
  readonly connections: number;
  readonly size: number;
}

async function live(state: State): Promise<Live> {
  const perSecond = LIVE_MESSAGES / (await relayed(state, LIVE_MESSAGES));
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => BenchClient.open(state.system.port)));
  const waits: number[] = [];
  const start = performance.now();
  const turns = clients.map(async (client, at) => {
    for (let n = at; n < PER_SECOND * SECONDS; n += CLIENTS) {
      const due = start + (n * 1000) / PER_SECOND;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      waits.push((await client.send(state.size)).wholeMs);
    }
  });
  await Promise.all(turns);
  for (const client of clients) client.close();
  state.sent += PER_SECOND * SECONDS;
  return { perSecond, p50Ms: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99) };
}

/** @returns Seconds until the sink has them. */
async function relayed(state: State, messages: number): Promise<number> {
  const { system, sink, connections, size } = state;
  const start = performance.now();
  await runSource({ port: system.port, messages, connections, size, recipient: "user@sink.test" });
  state.sent += messages;
  await sink.received(state.sent, 300_000);
  return (performance.now() - start) / 1000;
}
