import { readFile } from "node:fs/promises";
import type { DeliveryPlace } from "@postbus/policy";
import { LocalError } from "../local/local-error.ts";
import { systemError } from "../system-error.ts";

/** User and group of a process, by their numbers. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** Exim's number for a user that cannot be used. */
const BAD_USER = -29;

/** Who a program is run as where nobody says it and we are root: Debian's `nobody` and `nogroup`. */
const NOBODY: RunAs = { uid: 65_534, gid: 65_534 };

/**
 * Who a local delivery is made as. Only root can become somebody else; nothing that a policy starts is ever run as root
 * (Exim's `never_users`).
 *
 * @param transport Its name, for problems.
 * @returns undefined: as whom we run.
 * @throws {LocalError} there is no such user, or we cannot become it.
 */
export async function runAs(
  { user, group }: Pick<DeliveryPlace, "user" | "group">,
  transport: string,
  ours: RunAs = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
): Promise<RunAs | undefined> {
  const isRoot = ours.uid === 0;
  if (user === undefined && group === undefined) return isRoot ? NOBODY : undefined;
  const account = user === undefined ? undefined : await accountOf(user);
  if (user !== undefined && account === undefined) {
    throw new LocalError(BAD_USER, `no user "${user}" for the ${transport} transport`);
  }
  const uid = account?.uid ?? (isRoot ? NOBODY.uid : ours.uid);
  const gid = group === undefined ? (account?.gid ?? (isRoot ? NOBODY.gid : ours.gid)) : await groupOf(group);
  if (gid === undefined) throw new LocalError(BAD_USER, `no group "${group}" for the ${transport} transport`);
  if (!isRoot) {
    if (uid === ours.uid && (group === undefined || gid === ours.gid)) return undefined;
    throw new LocalError(BAD_USER, `unable to set gid or uid (euid=${ours.uid}) for the ${transport} transport`);
  }
  if (uid === 0) throw new LocalError(BAD_USER, `User 0 set for ${transport} transport is on the never_users list`);
  return { uid, gid };
}

const NUMBER = /^\d{1,10}$/;

async function accountOf(
  user: string,
): Promise<{ readonly uid: number; readonly gid: number | undefined } | undefined> {
  const entries = await entriesOf("/etc/passwd");
  const isNumber = NUMBER.test(user);
  const entry = entries.find(([name, , uid]) => (isNumber ? uid === String(Number(user)) : name === user));
  if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  return isNumber ? { uid: Number(user), gid: undefined } : undefined;
}

async function groupOf(group: string): Promise<number | undefined> {
  if (NUMBER.test(group)) return Number(group);
  const entry = (await entriesOf("/etc/group")).find(([name]) => name === group);
  return entry === undefined ? undefined : Number(entry[2]);
}

async function entriesOf(file: string): Promise<string[][]> {
  try {
    return (await readFile(file, "latin1")).split("\n").map((line) => line.split(":"));
  } catch (err) {
    const found = systemError(err);
    if (found === undefined) throw err;
    throw new LocalError(found.errno, `failed to read ${file}`, { cause: err });
  }
}
