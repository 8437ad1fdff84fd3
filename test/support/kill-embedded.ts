import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, type PostbusProcess, startPostbus, startRecordingSink } from "@postbus/testkit";
import { judge, type Verdict } from "./checker.ts";
import { startLoad } from "./endless-load.ts";
import { KillStory } from "./kill-story.ts";
import { checkRecord, type RecordVerdict } from "./record-check.ts";
import { chosenSeed, seededRandom } from "./seeded-random.ts";

export interface KillOptions {
  readonly kills: number;
  readonly messages: number;
  readonly connections: number;
  readonly rate: number;
  readonly log: (line: string) => void;
}

export interface KillVerdict extends Verdict {
  readonly record: RecordVerdict;
  readonly kills: number;
}

/** The longest time between "ready" and the kill. */
const MAX_LIFE_MS = 1_200;
/** How long the last, undisturbed run may take to deliver what is left. */
const DRAIN_MS = 90_000;

/**
 * Runs the program on the embedded bus between load clients and a counting sink, kills it at random moments, starts
 * it again on the same data, and counts at the end.
 */
export async function killEmbedded(options: KillOptions): Promise<KillVerdict> {
  const { kills, messages, connections, rate, log } = options;
  const seed = chosenSeed();
  log(`POSTBUS_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const data = await mkdtemp(join(tmpdir(), "postbus-kill-"));
  const story = new KillStory();
  const sink = await startRecordingSink({ onReceived: (key) => story.received(key) });
  const smtpPort = await freePort();
  const start = (): Promise<PostbusProcess> =>
    startPostbus({
      args: ["--data", data, `-DSMTP_PORT=${smtpPort}`, `-DSMARTHOST=127.0.0.1::${sink.port}`, "-DRETRY=F,1h,1s"],
    });
  let running = await start();
  try {
    const load = startLoad({ port: smtpPort, connections, prefix: `k${seed}`, rate, atLeast: messages });
    for (let kill = 0; kill < kills; kill++) {
      await delay(random() * MAX_LIFE_MS);
      story.killed("postbus");
      await running.kill();
      running = await start();
    }
    const submitted = await load.finish();
    const wanted = submitted.filter((message) => message.acknowledged > 0).map(({ id }) => `${id} user@sink.test`);
    await sink.waitFor(wanted, DRAIN_MS).catch((err: Error) => log(err.message)); // The verdict says it, with the ids.
    const record = await checkRecord(data, running.addresses.get("http") ?? "", submitted);
    const code = await running.stop();
    if (code !== 0) throw new Error(`the last run ended with ${code}: ${running.errors()}`);
    const verdict = judge(submitted, sink);
    log(`${kills} kills; ${record.messages} messages in the main log`);
    log(`${verdict.acknowledged} acknowledged, ${verdict.lost.length} lost, ${verdict.duplicates} doubled`);
    for (const line of [...record.problems, story.timeline(), ...story.duplicates(verdict.doubled)]) log(line);
    return { ...verdict, record, kills };
  } finally {
    await running.kill();
    await sink.stop();
    await rm(data, { recursive: true, force: true });
  }
}
