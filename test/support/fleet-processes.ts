import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provisionNats } from "@postbus/bus";
import {
  freePort,
  type NatsServer,
  type PostbusProcess,
  runPostbus,
  startDnsServer,
  startNatsCluster,
  startPostbus,
} from "@postbus/testkit";

export const services = ["logger", "verifier", "scanner", "delivery", "router", "gateway", "status"] as const;
export type ServiceProcess = (typeof services)[number];

export interface FleetOptions {
  /** 1: a server on its own that syncs every write. 3: a cluster with three replicas. Default 1. */
  readonly natsServers?: 1 | 3;
  /** The next hop. */
  readonly sinkPort: number;
  /** A policy of its own; default the product's, with macros for the test. */
  readonly config?: string;
  /** After how long an item of a dead process is handed to another; default the product's own. */
  readonly ackWaitMs?: number;
}

export interface Fleet {
  readonly smtpPort: number;
  readonly data: string;
  readonly nats: readonly NatsServer[];
  /** Of the status service. */
  readonly http: string;
  /** SIGKILL. */
  kill(service: ServiceProcess): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(service: ServiceProcess): Promise<number | null>;
  /** Starts what was killed or stopped; resolves when it is ready. */
  start(service: ServiceProcess): Promise<void>;
  /** The end of what the processes have complained about, by name; for a failed test. */
  complaints(): string;
  end(): Promise<void>;
}

/** Octets of the record of events; the product's default would have a gigabyte set aside. */
const EVENTS_OCTETS = 256 * 1024 ** 2;
/** Of one process, at the end of a failed test. */
const COMPLAINT_OCTETS = 1_500;

/** Every service as a process of its own, as in production, on a real NATS server. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { natsServers = 1, sinkPort, ackWaitMs, config } = options;
  const cluster = await startNatsCluster(natsServers);
  const data = await mkdtemp(join(tmpdir(), "postbus-fleet-"));
  const dns = await startDnsServer({});
  const smtpPort = await freePort();
  const httpPort = await freePort();
  const running = new Map<ServiceProcess, PostbusProcess>();
  const said = new Map<ServiceProcess, string>();
  const [first] = cluster.servers;
  const env: Record<string, string> = {
    NATS_URL: cluster.urls.join(","),
    ...(natsServers === 1 && first !== undefined ? { NATS_MONITOR_URL: first.monitorUrl } : {}),
    POSTBUS_DATA: data,
    POSTBUS_HTTP: `127.0.0.1:${httpPort}`,
    POSTBUS_DNS_SERVERS: dns.address,
    // A verifier that is being restarted must not hold clients up for the 10 seconds that it may take otherwise.
    POSTBUS_FACTS_TIMEOUT_MS: "2000",
  };
  const own = config === undefined ? [] : ["--config", config];
  const macros = [
    ...own,
    `-DSMTP_PORT=${smtpPort}`,
    `-DSMARTHOST=127.0.0.1::${sinkPort}`,
    "-DRETRY=F,1h,1s",
    "-DVERIFY=all",
  ];

  const start = async (service: ServiceProcess) => {
    running.set(service, await startPostbus({ args: [service, ...macros], env }));
  };
  const taken = (service: ServiceProcess): PostbusProcess => {
    const postbus = running.get(service);
    if (postbus === undefined) throw new Error(`${service} does not run`);
    running.delete(service);
    return postbus;
  };
  const keep = (service: ServiceProcess, postbus: PostbusProcess) => {
    said.set(service, `${said.get(service) ?? ""}${postbus.errors()}`.slice(-COMPLAINT_OCTETS));
  };

  const fleet: Fleet = {
    smtpPort,
    data,
    nats: cluster.servers,
    http: `127.0.0.1:${httpPort}`,
    start,
    async kill(service) {
      const postbus = taken(service);
      await postbus.kill();
      keep(service, postbus);
    },
    async stop(service) {
      const postbus = taken(service);
      const code = await postbus.stop();
      keep(service, postbus);
      return code;
    },
    complaints() {
      for (const [service, postbus] of running) keep(service, postbus);
      return [...said].map(([service, text]) => `--- ${service}\n${text}`).join("\n");
    },
    async end() {
      await Promise.all([...running.values()].map((postbus) => postbus.kill()));
      await cluster.stop();
      await dns.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
  try {
    await provision(cluster.urls, first?.monitorUrl ?? "", natsServers, ackWaitMs);
    await Promise.all(services.map(start));
    return fleet;
  } catch (err) {
    await fleet.end();
    throw err;
  }
}

/** As an operator does it, unless the test needs a shorter lease. */
async function provision(
  urls: readonly string[],
  monitorUrl: string,
  replicas: number,
  ackWaitMs: number | undefined,
): Promise<void> {
  if (ackWaitMs !== undefined) {
    await provisionNats({ servers: urls, replicas, ackWaitMs, eventsMaxOctets: EVENTS_OCTETS });
    return;
  }
  const { code, errors } = await runPostbus({
    command: "provision",
    args: ["--replicas", String(replicas)],
    env: { NATS_URL: urls.join(","), ...(replicas === 1 ? { NATS_MONITOR_URL: monitorUrl } : {}) },
  });
  if (code !== 0) throw new Error(`postbus provision ended with ${code}: ${errors}`);
}
