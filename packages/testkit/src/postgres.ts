import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readdirSync } from "node:fs";
import { chmod, chown, mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { hasContainerEngine, startPostgresContainer } from "./postgres-container.ts";
import { program } from "./program.ts";

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
/** Debian keeps the server's programs off the PATH, by version. */
const DEBIAN_DIR = "/usr/lib/postgresql";

export interface PostgresServer {
  /** `postgres://postgres@127.0.0.1:port/postgres`; connections need no password. */
  readonly url: string;
  /** Ends the server as a crash would (SIGQUIT); the data stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Where `initdb` and `postgres` are; undefined if they are not installed. */
function postgresPrograms(): string | undefined {
  const onPath = program("postgres");
  if (onPath !== undefined && program("initdb") !== undefined) return join(onPath, "..");
  return debianVersions()
    .map((version) => join(DEBIAN_DIR, version, "bin"))
    .find((dir) => isExecutable(join(dir, "initdb")) && isExecutable(join(dir, "postgres")));
}

/** Why there can be no PostgreSQL here; undefined if there can: its programs are installed, or a Docker engine answers. */
export async function postgresIsMissing(): Promise<string | undefined> {
  if (postgresPrograms() !== undefined || (await hasContainerEngine())) return undefined;
  return "PostgreSQL is not installed (initdb, postgres), and no Docker engine answers";
}

/**
 * A real PostgreSQL: the installed one in a temporary directory, without the syncs (tests do not cut the power); where
 * none is installed, a container.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === undefined) return startPostgresContainer();
  // The server refuses to run as root; Debian's package has made a user for it.
  const user = process.getuid?.() === 0 ? await idsOf("postgres") : undefined;
  const directory = await mkdtemp(join(tmpdir(), "postbus-postgres-"));
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  await chmod(directory, 0o700);
  const data = join(directory, "data");
  const options = { ...user, cwd: directory, env: { PATH: programs, LC_ALL: "C" } };
  await promisify(execFile)(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
    options,
  );
  const port = await freePort();
  let child: ChildProcess | undefined;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    child = undefined;
  };
  const server: PostgresServer = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    kill: () => end("SIGQUIT"),
    async start() {
      const settings = ["listen_addresses=127.0.0.1", `unix_socket_directories=${directory}`, "fsync=off"];
      const args = ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])];
      child = spawn(join(programs, "postgres"), args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
      let complaints = "";
      child.stderr?.on("data", (octets: Buffer) => {
        complaints = (complaints + octets.toString("latin1")).slice(-2_000);
      });
      const deadline = Date.now() + START_TIMEOUT_MS;
      while (!(await takesClients(port)) || !/ready to accept connections/.test(complaints)) {
        if (Date.now() > deadline || child.exitCode !== null) throw new Error(`postgresql: not started: ${complaints}`);
        await delay(POLL_MS);
      }
    },
    async stop() {
      await end("SIGINT");
      await rm(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

function takesClients(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function idsOf(name: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`postgresql: there is no user ${name} on this machine`);
  return { uid: Number(uid), gid: Number(gid) };
}

function debianVersions(): string[] {
  try {
    return readdirSync(DEBIAN_DIR).toSorted((a, b) => Number(b) - Number(a));
  } catch {
    return []; // Not there: no Debian, or no PostgreSQL.
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us.
  }
}
