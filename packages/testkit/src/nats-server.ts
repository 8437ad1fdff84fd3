import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { program } from "./program.ts";

/** A nats-server needs 0.3 s alone; a loaded machine with a store to recover needs more. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

export interface NatsOptions {
  /** `sync_interval: always`: what is acknowledged is on the disk. Default true. */
  readonly syncAlways?: boolean;
  /** Directory of the store; by default a temporary one, removed by `stop`. */
  readonly directory?: string;
  readonly port?: number;
  /** Put before its command line, e.g. to count what it uses. */
  readonly commandPrefix?: readonly string[];
  /** Lines for the `jetstream` block, e.g. `max_file: 10MB`. */
  readonly jetstream?: string;
  /** Further lines of the configuration file, e.g. `max_payload: 8MB`. */
  readonly config?: string;
}

export interface NatsServer {
  readonly url: string;
  /** Its HTTP monitoring. */
  readonly monitorUrl: string;
  /** Of the running process; changes with every start. */
  readonly pid: number;
  /** SIGKILL, at once. */
  kill(): Promise<void>;
  /** Starts it again after `kill`: same port, same store. Resolves when it takes clients. */
  start(): Promise<void>;
  /** Ends it and removes what is temporary. */
  stop(): Promise<void>;
}

/** A real nats-server as a child process. @throws if there is none: ask `program("nats-server")` first. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const [server] = await startServers(1, options);
  if (server === undefined) throw new Error("nats-server: not started");
  return server;
}

export interface NatsCluster {
  /** All servers, as a client wants them. */
  readonly urls: readonly string[];
  readonly servers: readonly NatsServer[];
  stop(): Promise<void>;
}

/** A cluster for replicated streams; resolves when every server takes clients (a leader may not be elected yet). */
export async function startNatsCluster(size: number, options: NatsOptions = {}): Promise<NatsCluster> {
  const servers = await startServers(size, options);
  return {
    urls: servers.map((server) => server.url),
    servers,
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function startServers(size: number, options: NatsOptions): Promise<NatsServer[]> {
  const binary = program("nats-server");
  if (binary === undefined) throw new Error("nats-server: not on this machine");
  const routes = await Promise.all(Array.from({ length: size }, freePort));
  const starting = routes.map(async (route, index) => {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "postbus-nats-")));
    await mkdir(directory, { recursive: true });
    const [port, monitor] = [options.port ?? (await freePort()), await freePort()];
    const config = join(directory, "server.conf");
    const cluster = size === 1 ? "" : clusterBlock(route, routes);
    await writeFile(config, configuration(`n${index + 1}`, port, monitor, directory, options) + cluster);
    const server = new Process(
      [...(options.commandPrefix ?? []), binary],
      config,
      directory,
      port,
      monitor,
      options.directory === undefined,
    );
    await server.start();
    return server;
  });
  return Promise.all(starting);
}

function configuration(name: string, port: number, monitor: number, directory: string, options: NatsOptions): string {
  const sync = options.syncAlways === false ? "" : "sync_interval: always";
  return `server_name: ${name}
listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitor}"
jetstream {
  store_dir: "${join(directory, "store")}"
  ${sync}
  ${options.jetstream ?? ""}
}
${options.config ?? ""}
`;
}

function clusterBlock(own: number, all: readonly number[]): string {
  const routes = all.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  return `cluster {\n  name: test\n  listen: "127.0.0.1:${own}"\n  routes: [${routes}]\n}\n`;
}

class Process implements NatsServer {
  readonly url: string;
  readonly monitorUrl: string;
  readonly #command: readonly string[];
  readonly #config: string;
  readonly #directory: string;
  readonly #port: number;
  readonly #temporary: boolean;
  #child: ChildProcess | undefined;

  constructor(
    command: readonly string[],
    config: string,
    directory: string,
    port: number,
    monitor: number,
    temporary: boolean,
  ) {
    this.#command = command;
    this.#config = config;
    this.#directory = directory;
    this.#port = port;
    this.#temporary = temporary;
    this.url = `nats://127.0.0.1:${port}`;
    this.monitorUrl = `http://127.0.0.1:${monitor}`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error("nats-server: already running");
    const [binary = "", ...args] = this.#command;
    const child = spawn(binary, [...args, "-c", this.#config], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    child.stderr?.pipe(createWriteStream(join(this.#directory, "server.log"), { flags: "a" }));
    // A test that fails before its `stop` leaves no server behind.
    const killIt = () => child.kill("SIGKILL");
    process.once("exit", killIt);
    child.once("exit", () => process.off("exit", killIt));
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await greets(this.#port))) {
      if (child.exitCode !== null || performance.now() > deadline) {
        this.#child = undefined;
        child.kill("SIGKILL");
        const log = await readFile(join(this.#directory, "server.log"), "utf8");
        throw new Error(`nats-server: did not start:\n${log.slice(-2000)}`);
      }
      await delay(POLL_MS);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#temporary) await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Whether a server sends its INFO line there. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.once("error", () => answer(false));
    socket.once("end", () => answer(false));
    socket.once("data", (data) => answer(data.toString("latin1").startsWith("INFO ")));
  });
}
