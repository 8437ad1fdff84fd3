import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const main = resolve(import.meta.dirname, "../../../services/postbus/src/main.ts");

/** Start on a loaded machine. */
const READY_TIMEOUT_MS = 60_000;

/** However busy the machine is, it turns nobody away, unless that is what the test is about. */
const PATIENT = { POSTBUS_CROWDED_DELAY_MS: "0", POSTBUS_OVERLOADED_DELAY_MS: "0" } as const;

export interface PostbusOptions {
  /** Words behind `postbus start`: services, `-DNAME=value`, `--data DIR` … */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `start` unless said otherwise. */
  readonly command?: string;
  /** Put before its command line, e.g. to run it on a disk of its own; must end in `exec`. */
  readonly commandPrefix?: readonly string[];
}

export interface PostbusProcess {
  readonly pid: number;
  /** What the ready line says: `smtp`, `http` … → first address. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Of an address of the ready line. */
  port(name: string): number;
  /** Everything it wrote to standard error, cut to the last 64 KiB. */
  errors(): string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Resolves with the exit code when it ends by itself. */
  readonly ended: Promise<number | null>;
}

/**
 * Runs the real program as a child process; resolves when it has printed its ready line.
 *
 * @throws {Error} with what it said if it ends before that.
 */
export async function startPostbus(options: PostbusOptions): Promise<PostbusProcess> {
  const { child, errors, ended } = launch(options);
  const addresses = new Map<string, string>();
  let failed: (err: Error) => void = () => {};
  await new Promise<void>((ready, reject) => {
    failed = reject;
    const timer = setTimeout(
      () => reject(new Error(`not ready after ${READY_TIMEOUT_MS} ms: ${errors()}`)),
      READY_TIMEOUT_MS,
    );
    createInterface({ input: child.stdout ?? process.stdin }).on("line", (line) => {
      if (!line.startsWith("postbus ready")) return;
      for (const [, name = "", address = ""] of line.matchAll(/(\w+)=([^\s,]+)/g)) addresses.set(name, address);
      clearTimeout(timer);
      ready();
    });
    void ended.then((code) => {
      clearTimeout(timer);
      failed(new Error(`postbus ended with ${code}: ${errors()}`));
    });
  });
  return {
    pid: child.pid ?? -1,
    addresses,
    port(name) {
      const port = Number(/:(\d+)$/.exec(addresses.get(name) ?? "")?.[1]);
      if (!Number.isInteger(port)) throw new Error(`the ready line names no ${name}: ${[...addresses.keys()]}`);
      return port;
    },
    errors,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
    ended,
  };
}

/** Runs the program until it ends. */
export async function runPostbus(options: PostbusOptions & { readonly input?: string }): Promise<{
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}> {
  const { child, errors, ended } = launch(options);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  child.stdin?.end(options.input ?? "");
  return { code: await ended, output, errors: errors() };
}

function launch(options: PostbusOptions): { child: ChildProcess; errors: () => string; ended: Promise<number | null> } {
  const { POSTBUS_CONFIG: _config, NATS_URL: _nats, DATABASE_URL: _database, ...inherited } = process.env;
  const command = [process.execPath, main, options.command ?? "start", ...options.args];
  const [program = "", ...args] = [...(options.commandPrefix ?? []), ...command];
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...inherited, POSTBUS_HTTP: "127.0.0.1:0", LOG_LEVEL: "warn", ...PATIENT, ...options.env },
  });
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString("utf8")).slice(-65_536);
  });
  // Structured logs go to standard output, behind the ready line; nobody reads them, and a full pipe must not stop it.
  child.stdout?.resume();
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, errors: () => text, ended };
}
