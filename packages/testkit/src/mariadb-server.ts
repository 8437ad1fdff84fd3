import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "./free-port.ts";
import { answers } from "./mail-server.ts";
import { program } from "./program.ts";

const START_TIMEOUT_MS = 60_000;
const path = program("mariadbd");

/** Why there is no MariaDB here; undefined: there is one. */
export const mariadbIsMissing =
  path === undefined ? "MariaDB is not on this machine (mariadbd of Debian's mariadb-server-core)" : undefined;

export interface MariadbServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A real MariaDB on a free port, without grant tables: whoever comes may do everything. */
export async function startMariadb(): Promise<MariadbServer> {
  if (path === undefined) throw new Error("no MariaDB here");
  const directory = await mkdtemp(join(tmpdir(), "postbus-mariadb-"));
  const port = await freePort();
  const basedir = dirname(dirname(path));
  const args = [
    "--no-defaults",
    `--basedir=${basedir}`,
    `--lc-messages-dir=${basedir}/share/mysql`,
    `--datadir=${directory}`,
    `--socket=${directory}/socket`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    "--skip-grant-tables",
    "--skip-networking=0",
    "--innodb-flush-log-at-trx-commit=0",
    ...(process.getuid?.() === 0 ? ["--user=root"] : []),
  ];
  let child: ChildProcess | undefined = spawn(path, args, { stdio: "ignore" });
  child.once("exit", () => {
    child = undefined;
  });
  child.unref(); // A test that fails before its end leaves it behind.
  process.once("exit", () => child?.kill("SIGKILL"));
  // It speaks first, as soon as it takes connections.
  await answers(port, START_TIMEOUT_MS);
  return {
    port,
    async stop() {
      if (child !== undefined) {
        child.ref();
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}
