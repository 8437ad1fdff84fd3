import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, type PostbusProcess, startPostbus, startRecordingSink } from "@postbus/testkit";
import { startLoad } from "./endless-load.ts";
import { startFleet } from "./fleet-processes.ts";
import { RECIPIENTS, realPolicy, refusals } from "./real-policy.ts";
import { checkRecord } from "./record-check.ts";
import { chosenSeed, inTurn, seededRandom } from "./seeded-random.ts";
import { reportsOf, type TerminalStates, terminalStates } from "./terminal-states.ts";

export interface RealPolicyOptions {
  readonly system: "embedded" | "fleet";
  readonly kills: number;
  readonly messages: number;
  readonly connections: number;
  readonly rate: number;
  readonly log: (line: string) => void;
}

export interface RealPolicyVerdict extends TerminalStates {
  readonly acknowledged: number;
  /** What is wrong with the log, the queue and the history. */
  readonly problems: readonly string[];
}

/** What is killed. */
interface System {
  readonly smtpPort: number;
  readonly data: string;
  /** Of the status service. */
  http(): string;
  /** Kills a part of it, or all, and starts it again. */
  kill(): Promise<void>;
  end(): Promise<void>;
}

const MAX_LIFE_MS = 1_200;
/** An item of a dead process waits for its lease, and then perhaps for its retry. */
const DRAIN_MS = 120_000;
const VICTIMS = ["gateway", "router", "delivery", "logger", "nats"] as const;

/**
 * Kills Postbus at random moments while messages for several recipients come in, of which some are refused later, under a policy
 * of the size of real ones; and looks at the end at what has become of each recipient.
 */
export async function killUnderRealPolicy(options: RealPolicyOptions): Promise<RealPolicyVerdict> {
  const { kills, messages, connections, rate, log } = options;
  const seed = chosenSeed();
  log(`POSTBUS_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const sink = await startRecordingSink({ keepContents: true, refuse: refusals() });
  const directory = await mkdtemp(join(tmpdir(), "postbus-real-policy-"));
  const config = join(directory, "real.conf");
  await writeFile(config, realPolicy(sink.port));
  try {
    const system = options.system === "embedded" ? await embedded(directory, config) : await fleet(config, random);
    try {
      const recipients = (): readonly string[] => RECIPIENTS;
      const load = startLoad({
        port: system.smtpPort,
        connections,
        prefix: `r${seed}`,
        rate,
        atLeast: messages,
        recipients,
      });
      for (let kill = 0; kill < kills; kill++) {
        await delay(random() * MAX_LIFE_MS);
        await system.kill();
      }
      const submitted = await load.finish();
      const look = async (): Promise<TerminalStates> =>
        terminalStates(submitted, {
          received: sink.received,
          contents: sink.contents,
          mailbox: await mailboxOf(system.data),
          mainlog: await readFile(join(system.data, "log", "mainlog"), "latin1"),
        });
      for (const end = performance.now() + DRAIN_MS; performance.now() < end; await delay(500)) {
        if ((await look()).lost.length === 0) break;
      }
      const { problems } = await checkRecord(system.data, system.http(), submitted, 0, [
        "delivered",
        "failed",
        "bounced",
      ]);
      const acknowledged = submitted.filter((message) => message.acknowledged > 0).length;
      const states = await look();
      const reports = sink.contents.flatMap(reportsOf).length;
      log(`${kills} kills; ${acknowledged} messages acknowledged, ${reports} recipients in reports`);
      log(`${states.lost.length} lost, ${states.wrong.length} wrong, ${states.duplicates.length} doubled`);
      for (const line of [...problems, ...states.wrong.slice(0, 5), ...states.lost.slice(0, 5)]) log(line);
      for (const [id, keys] of Map.groupBy(states.duplicates, (key) => key.split(" ")[0] ?? "")) {
        log(`doubled: ${id}: ${keys.map((key) => key.slice(id.length + 1)).join(", ")}`);
      }
      return { ...states, acknowledged, problems };
    } finally {
      await system.end();
    }
  } finally {
    await sink.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function embedded(data: string, config: string): Promise<System> {
  const smtpPort = await freePort();
  const start = (): Promise<PostbusProcess> =>
    startPostbus({
      args: ["--data", data, "--config", config, `-DSMTP_PORT=${smtpPort}`],
      env: { POSTBUS_DATA: data },
    });
  let running = await start();
  return {
    smtpPort,
    data,
    http: () => running.addresses.get("http") ?? "",
    async kill() {
      await running.kill();
      running = await start();
    },
    end: () => running.kill(),
  };
}

async function fleet(config: string, random: () => number): Promise<System> {
  const processes = await startFleet({ sinkPort: 0, config, ackWaitMs: 5_000 });
  const turns = inTurn(VICTIMS, random);
  return {
    smtpPort: processes.smtpPort,
    data: processes.data,
    http: () => processes.http,
    async kill() {
      const victim = turns.next().value;
      if (victim !== "nats") {
        await processes.kill(victim);
        await processes.start(victim);
        return;
      }
      const [server] = processes.nats;
      await server?.kill();
      await server?.start();
    },
    end: () => processes.end(),
  };
}

async function mailboxOf(data: string): Promise<readonly string[]> {
  const directory = join(data, "mail", "box", "new");
  const names = await readdir(directory).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(directory, name), "latin1")));
}
