import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { stopProcess } from "./mail-server.ts";
import { program } from "./program.ts";

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

export interface HaproxyOptions {
  /** Where it hands connections on to, on this machine. */
  readonly serverPort: number;
  /** Words behind the server's address: `send-proxy-v2 check check-send-proxy`. */
  readonly server: string;
  /** Words behind `bind`: `ssl crt FILE`. */
  readonly bind?: string;
  /** Further lines of the frontend and of the backend. */
  readonly frontend?: string;
  readonly backend?: string;
}

export interface Haproxy {
  /** Where it listens. */
  readonly port: number;
  /** What it wrote to standard error: its notices. */
  errors(): string;
  stop(): Promise<void>;
}

/** A real HAProxy in front of a server, as a child process. @throws if there is none: ask `program("haproxy")` first. */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const { serverPort, server, bind = "", frontend = "", backend = "" } = options;
  const binary = program("haproxy");
  if (binary === undefined) throw new Error("haproxy: not on this machine");
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), "postbus-haproxy-"));
  const file = join(directory, "haproxy.cfg");
  await writeFile(
    file,
    `global
    maxconn 200
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:${port} ${bind}
    default_backend back
${frontend}
backend back
${backend}
    server one 127.0.0.1:${serverPort} ${server}
`,
  );
  const child = spawn(binary, ["-db", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
  // A test that fails before its `stop` leaves no server behind.
  const killIt = () => child.kill("SIGKILL");
  process.once("exit", killIt);
  child.once("exit", () => process.off("exit", killIt));
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString("latin1")).slice(-65_536);
  });
  const stop = async (): Promise<void> => {
    // Its soft stop would wait for open connections.
    child.kill("SIGKILL");
    await stopProcess(child);
    await rm(directory, { recursive: true, force: true });
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`haproxy: did not start:\n${errors}`);
    }
    await delay(POLL_MS);
  }
  return { port, errors: () => errors, stop };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once("error", () => answer(false));
    socket.once("connect", () => answer(true));
  });
}
