import { setTimeout as delay } from "node:timers/promises";
import { startRecordingSink } from "@postbus/testkit";
import { judge, type Verdict } from "./checker.ts";
import { startLoad } from "./endless-load.ts";
import { type Fleet, startFleet } from "./fleet-processes.ts";
import { KillStory } from "./kill-story.ts";
import { checkRecord, type RecordVerdict } from "./record-check.ts";
import { chosenSeed, inTurn, seededRandom } from "./seeded-random.ts";

/** What is killed. Scanner and status hold nothing. */
export const victims = ["gateway", "verifier", "router", "delivery", "logger", "nats"] as const;
export type Victim = (typeof victims)[number];

export interface KillFleetOptions {
  /** Default all. */
  readonly victims?: readonly Victim[];
  readonly kills: number;
  readonly messages: number;
  readonly connections: number;
  readonly rate: number;
  /** After how long an item of a dead process is handed to another; default the product's own. */
  readonly ackWaitMs?: number;
  readonly log: (line: string) => void;
}

export interface KillVerdict extends Verdict {
  readonly record: RecordVerdict;
  readonly kills: ReadonlyMap<Victim, number>;
}

/** The longest time between "ready" and the next kill. */
const MAX_LIFE_MS = 1_200;
/** How long it may take, without further kills, to deliver what is left: a lease of a dead process runs 30 s. */
const DRAIN_MS = 90_000;

/**
 * Runs every service as a process of its own between load clients and a counting sink, kills one of them at a time at
 * random moments, starts it again, and counts at the end.
 */
export async function killFleet(options: KillFleetOptions): Promise<KillVerdict> {
  const { kills, messages, connections, rate, ackWaitMs, log } = options;
  const seed = chosenSeed();
  log(`POSTBUS_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const story = new KillStory();
  const sink = await startRecordingSink({ onReceived: (key) => story.received(key) });
  const fleet = await startFleet({ sinkPort: sink.port, ...(ackWaitMs === undefined ? {} : { ackWaitMs }) });
  try {
    const load = startLoad({ port: fleet.smtpPort, connections, prefix: `f${seed}`, rate, atLeast: messages });
    const killed = new Map<Victim, number>();
    const turns = inTurn(options.victims ?? victims, random);
    for (let kill = 0; kill < kills; kill++) {
      await delay(random() * MAX_LIFE_MS);
      const victim = turns.next().value;
      story.killed(victim);
      await restart(fleet, victim);
      killed.set(victim, (killed.get(victim) ?? 0) + 1);
    }
    const submitted = await load.finish();
    const wanted = submitted.filter((message) => message.acknowledged > 0).map(({ id }) => `${id} user@sink.test`);
    await sink.waitFor(wanted, DRAIN_MS).catch((err: Error) => log(err.message)); // The verdict says it, with the ids.
    // A double fault, and a known one: the server dies when it has the mail and not yet its event, and so does the gateway.
    const mayLack = story.killedSoonAfter("gateway", "nats") * connections;
    const record = await checkRecord(fleet.data, fleet.http, submitted, mayLack);
    const verdict = judge(submitted, sink);
    const counts = [...killed].map(([victim, n]) => `${victim} ${n}`).join(", ");
    log(`${kills} kills (${counts}); ${record.messages} messages in the main log`);
    log(`${record.unannounced.length} delivered of which neither client nor log had heard`);
    log(`${verdict.acknowledged} acknowledged, ${verdict.lost.length} lost, ${verdict.duplicates} doubled`);
    for (const line of [...record.problems, story.timeline(), ...story.duplicates(verdict.doubled)]) log(line);
    if (verdict.lost.length > 0 || record.problems.length > 0) log(fleet.complaints());
    return { ...verdict, record, kills: killed };
  } catch (err) {
    log(fleet.complaints());
    throw err;
  } finally {
    await fleet.end();
    await sink.stop();
  }
}

async function restart(fleet: Fleet, victim: Victim): Promise<void> {
  if (victim !== "nats") {
    await fleet.kill(victim);
    return fleet.start(victim);
  }
  const [server] = fleet.nats;
  await server?.kill();
  await server?.start();
}
