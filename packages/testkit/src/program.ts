import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where distributions put servers; often not on a user's PATH. */
const SYSTEM_DIRS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Where fetched servers are kept: POSTBUS_TEST_SERVERS, by default below the user's cache directory. */
export function serversDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: cacheHome, POSTBUS_TEST_SERVERS: chosen } = env;
  return chosen || join(cacheHome || join(homedir(), ".cache"), "postbus", "servers");
}

/**
 * A real server or tool for tests, by the name under which `fetch-servers.sh` puts it up (`npm test` runs it): `nats-server`,
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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us: the next candidate is tried.
  }
}
