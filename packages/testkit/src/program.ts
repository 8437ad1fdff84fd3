import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";

/** Fetching everything takes 15 s on a good line; a mirror that hangs must not hang the tests with it. */
const FETCH_TIMEOUT_MS = 300_000;
/** Where distributions put servers; often not on a user's PATH. */
const SYSTEM_DIRS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Where fetched servers are kept: POSTBUS_TEST_SERVERS, by default below the user's cache directory. */
export function serversDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: cacheHome, POSTBUS_TEST_SERVERS: chosen } = env;
  return chosen || join(cacheHome || join(homedir(), ".cache"), "postbus", "servers");
}

/**
 * A real server or tool for tests, by the name under which `fetch-servers.sh` puts it up: `nats-server`,
 * `smtp-source`, `exim-4.98`. What is installed on the machine goes first.
 *
 * @returns its path; undefined if there is none: the test is then skipped, with the reason.
 */
export function program(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { PATH = "" } = env;
  const candidates = [
    ...PATH.split(delimiter).filter((dir) => dir !== ""),
    ...SYSTEM_DIRS,
    join(serversDirectory(env), "bin"),
  ];
  return candidates.map((dir) => join(dir, name)).find(isExecutable);
}

/**
 * Unpacks servers into `serversDirectory()`, without installing anything and without root (`fetch-servers.sh`).
 *
 * @param groups Names that `fetch-servers.sh --list` knows; none: its default set.
 * @returns undefined when they are there; otherwise the reason, in one line.
 */
export async function fetchPrograms(groups: readonly string[] = []): Promise<string | undefined> {
  if (program("apt-get") === undefined) return "no apt-get on this machine: install the servers by hand";
  const script = resolve(import.meta.dirname, "../fetch-servers.sh");
  try {
    await promisify(execFile)("bash", [script, serversDirectory(), ...groups], { timeout: FETCH_TIMEOUT_MS });
    return undefined;
  } catch (err) {
    const stderr = err instanceof Error && "stderr" in err ? String(err.stderr).trim().split("\n").at(-1) : undefined;
    return `fetch-servers.sh: ${stderr || (err instanceof Error ? err.message : String(err))}`;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us: the next candidate is tried.
  }
}
