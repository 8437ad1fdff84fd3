import { BlockFile } from "../block-file.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { Finding, QueryLookupType } from "../lookup-type.ts";
import { systemText } from "../system-text.ts";

/** Accounts of a machine; directories of thousands of people are no affair of this file. */
const MAX_FILE_OCTETS = 1024 * 1024;

/** A user of the machine: `*:uid:gid:gecos:home:shell`. */
export const passwd: QueryLookupType = {
  name: "passwd",
  style: "query",
  start: () => ({ find: (query) => findUser(query.replace(/^[ \t-\r]+/, ""), "/etc/passwd") }),
};

/**
 * Reads the file itself, for Node has no `getpwnam`: users that the system knows from elsewhere (LDAP, SSSD) are not there.
 *
 * @throws {LookupDefer} the file cannot be read.
 */
export async function findUser(user: string, path: string): Promise<Finding | undefined> {
  if (user === "" || user.includes(":")) return undefined;
  const line = (await readUsers(path)).split("\n").find((entry) => entry.startsWith(`${user}:`));
  const [, , uid = "", gid = "", gecos = "", home = "", shell = ""] = line?.split(":") ?? [];
  // Lines such as `+:::`, of NIS, are none of a user.
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return undefined;
  return { data: `*:${uid}:${gid}:${gecos}:${home}:${shell}` };
}

async function readUsers(path: string): Promise<string> {
  try {
    const file = await BlockFile.open(path);
    try {
      return (await file.readNow(0, Math.min(file.size, MAX_FILE_OCTETS))).toString("latin1");
    } finally {
      await file.close();
    }
  } catch (err) {
    throw new LookupDefer("passwd", `failed to open ${path}: ${systemText(err)}`, { cause: err });
  }
}
