import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, type PostbusProcess, startPostbus, startRecordingSink, submit } from "@postbus/testkit";
import { judge, seededRandom, type Verdict } from "./checker.ts";

export interface KillOptions {
  readonly kills: number;
  readonly messages: number;
  readonly connections: number;
  readonly log: (line: string) => void;
}

/** The longest time between "ready" and the kill. */
const MAX_LIFE_MS = 1_200;
/** How long the last, undisturbed run may take to deliver what is left. */
const DRAIN_MS = 90_000;

/**
 * Runs the program on the embedded bus between a load client and a counting sink, kills it at random moments, starts
 * it again on the same data, and counts at the end.
 */
export async function killEmbedded(options: KillOptions): Promise<{ verdict: Verdict; killed: number }> {
  const { kills, messages, connections, log } = options;
  const seed = Number(process.env["POSTBUS_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  log(`seed ${seed}`);
  const random = seededRandom(seed);
  const data = await mkdtemp(join(tmpdir(), "postbus-kill-"));
  const sink = await startRecordingSink();
  const smtpPort = await freePort();
  const start = (): Promise<PostbusProcess> =>
    startPostbus({
      args: ["--data", data, `-DSMTP_PORT=${smtpPort}`, `-DSMARTHOST=127.0.0.1::${sink.port}`, "-DRETRY=F,1h,1s"],
    });
  let running = await start();
  let killed = 0;
  try {
    // The load must outlast the kills: so many messages a second that it does.
    const rate = messages / (kills * ((MAX_LIFE_MS / 2 + 300) / 1000));
    const load = submit({ port: smtpPort, connections, prefix: `k${seed}`, messages, rate });
    let over = false;
    void load.finally(() => {
      over = true;
    });
    while (killed < kills && !over) {
      await delay(random() * MAX_LIFE_MS);
      await running.kill();
      killed++;
      running = await start();
    }
    const submitted = await load;
    const wanted = submitted.filter((message) => message.acknowledged > 0).map(({ id }) => `${id} user@sink.test`);
    await sink.waitFor(wanted, DRAIN_MS).catch((err: Error) => log(err.message)); // The verdict says it, with the ids.
    // What comes now would be a duplicate: it gets the time to come.
    await delay(2_000);
    const code = await running.stop();
    if (code !== 0) throw new Error(`the last run ended with ${code}: ${running.errors()}`);
    const verdict = judge(submitted, sink);
    log(
      `${verdict.acknowledged} acknowledged, ${verdict.lost.length} lost, ${verdict.duplicates} doubled, ${killed} kills`,
    );
    return { verdict, killed };
  } finally {
    await running.kill();
    await sink.stop();
    await rm(data, { recursive: true, force: true });
  }
}
