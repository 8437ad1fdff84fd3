import { setTimeout as delay } from "node:timers/promises";
import { freePort, startPostbus, startRecordingSink } from "@postbus/testkit";
import { judge, type Verdict } from "./checker.ts";
import { startLoad } from "./endless-load.ts";
import { type Scope, temporaryDirectory } from "./fixture.ts";
import { type ServiceProcess, services, startFleet } from "./fleet-processes.ts";
import { checkRecord, type RecordVerdict } from "./record-check.ts";

export interface RestartVerdict extends Verdict {
  readonly record: RecordVerdict;
  /** What ended with another code than 0, or took longer than its grace period. */
  readonly badEnds: readonly string[];
}

export interface RestartOptions {
  readonly messages: number;
  readonly connections: number;
  readonly rate: number;
  readonly log: (line: string) => void;
}

/** POSTBUS_SHUTDOWN_GRACE_MS, its default. */
const GRACE_MS = 25_000;
/** Between two restarts, so that there is load when the next signal comes. */
const LOAD_MS = 500;
/** How long delivery of what is left may take. */
const DRAIN_MS = 60_000;

/** What is stopped and started again, whatever it is. */
interface Restarted {
  readonly name: string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  start(): Promise<void>;
}

/** The whole program, embedded, stopped by SIGTERM and started again so many times. */
export async function restartEmbedded(scope: Scope, times: number, options: RestartOptions): Promise<RestartVerdict> {
  const data = await temporaryDirectory(scope, "restart");
  const sink = await startRecordingSink();
  scope.after(() => sink.stop());
  const smtpPort = await freePort();
  const httpPort = await freePort();
  const start = () =>
    startPostbus({
      args: ["--data", data, `-DSMTP_PORT=${smtpPort}`, `-DSMARTHOST=127.0.0.1::${sink.port}`, "-DRETRY=F,1h,1s"],
      env: { POSTBUS_HTTP: `127.0.0.1:${httpPort}` },
    });
  let postbus = await start();
  scope.after(() => postbus.kill());
  const program: Restarted = {
    name: "postbus",
    stop: () => postbus.stop(),
    start: async () => {
      postbus = await start();
    },
  };
  const turns = Array.from({ length: times }, () => program);
  return restartUnderLoad(turns, { ...options, sink, smtpPort, data, http: `127.0.0.1:${httpPort}` });
}

/** Every service of a fleet, one after the other. */
export async function restartFleet(scope: Scope, options: RestartOptions): Promise<RestartVerdict> {
  const sink = await startRecordingSink();
  scope.after(() => sink.stop());
  const fleet = await startFleet({ sinkPort: sink.port });
  scope.after(() => fleet.end());
  const { smtpPort, data, http } = fleet;
  const turns = services.map((name: ServiceProcess) => ({
    name,
    stop: () => fleet.stop(name),
    start: () => fleet.start(name),
  }));
  const verdict = await restartUnderLoad(turns, { ...options, sink, smtpPort, data, http });
  if (verdict.badEnds.length > 0 || verdict.record.problems.length > 0) options.log(fleet.complaints());
  return verdict;
}

async function restartUnderLoad(
  turns: readonly Restarted[],
  {
    sink,
    smtpPort,
    data,
    http,
    log,
    ...load
  }: RestartOptions & {
    readonly sink: Awaited<ReturnType<typeof startRecordingSink>>;
    readonly smtpPort: number;
    readonly data: string;
    readonly http: string;
  },
): Promise<RestartVerdict> {
  const { messages: atLeast, connections, rate } = load;
  const clients = startLoad({ port: smtpPort, connections, rate, atLeast, prefix: "restart" });
  const badEnds: string[] = [];
  for (const { name, stop, start } of turns) {
    await delay(LOAD_MS);
    const signalledMs = performance.now();
    const code = await stop();
    const tookMs = Math.round(performance.now() - signalledMs);
    log(`${name}: SIGTERM, exit code ${code} after ${tookMs} ms`);
    if (code !== 0 || tookMs > GRACE_MS) badEnds.push(`${name}: exit code ${code} after ${tookMs} ms`);
    await start();
  }
  const submitted = await clients.finish();
  const wanted = submitted.map(({ id }) => `${id} user@sink.test`);
  await sink.waitFor(wanted, DRAIN_MS).catch((err: Error) => log(err.message)); // The verdict says it, with the ids.
  const record = await checkRecord(data, http, submitted);
  const verdict = judge(submitted, sink);
  log(`${verdict.acknowledged} acknowledged, ${verdict.lost.length} lost, ${verdict.duplicates} doubled`);
  for (const problem of record.problems) log(problem);
  return { ...verdict, record, badEnds };
}
