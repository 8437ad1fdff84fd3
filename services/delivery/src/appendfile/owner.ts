import { readFile } from "node:fs/promises";
import { MailboxError, mailboxErrors } from "./mailbox-error.ts";
import type { MailboxJob } from "./mailbox-job.ts";

/** Whose files are. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who this process is, as far as files are concerned; undefined where nobody can say. */
export function ownOwner(): Owner | undefined {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/**
 * `user` and `group` of the transport, else of the router.
 *
 * @returns undefined: the process's own.
 * @throws {MailboxError} there is no such account, or the process is neither it nor root.
 */
export async function ownerOf(job: MailboxJob): Promise<Owner | undefined> {
  const { item } = job.attempt;
  const user = (await job.text("user")) ?? item.user;
  const group = (await job.text("group")) ?? item.group;
  if (user === undefined && group === undefined) return undefined;
  const own = ownOwner();
  if (own === undefined) return undefined;
  const { name } = job.transport;
  const account = user === undefined ? own : await accountOf(user);
  if (account === undefined) throw new MailboxError(mailboxErrors.wrongUser, `no user "${user}" for ${name} transport`);
  const gid = group === undefined ? account.gid : await groupOf(group);
  if (gid === undefined) {
    const text =
      group === undefined
        ? `User set without group for ${name} transport`
        : `no group "${group}" for ${name} transport`;
    throw new MailboxError(mailboxErrors.wrongUser, text);
  }
  if (account.uid === own.uid && gid === own.gid) return undefined;
  if (own.uid !== 0) {
    const text = `${name} transport: delivery runs as user ${own.uid}, group ${own.gid}, and cannot be ${account.uid}, ${gid}`;
    throw new MailboxError(mailboxErrors.wrongUser, text);
  }
  return { uid: account.uid, gid };
}

async function accountOf(user: string): Promise<{ uid: number; gid: number | undefined } | undefined> {
  const isNumber = /^\d+$/.test(user);
  const found = await entry("/etc/passwd", (fields) => fields[isNumber ? 2 : 0] === user);
  if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) };
  return isNumber ? { uid: Number(user), gid: undefined } : undefined;
}

async function groupOf(group: string): Promise<number | undefined> {
  if (/^\d+$/.test(group)) return Number(group);
  const found = await entry("/etc/group", ([name]) => name === group);
  return found === undefined ? undefined : Number(found[2]);
}

async function entry(
  file: string,
  isWanted: (fields: readonly string[]) => boolean,
): Promise<readonly string[] | undefined> {
  const text = await readFile(file, "latin1");
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .find(isWanted);
}

/** Whether the mode bits let somebody write who is neither us nor, if we are root, us. */
export function mayWrite(file: { uid: number; gid: number; mode: number }, { uid, gid }: Owner): boolean {
  if (uid === 0) return true;
  const shift = file.uid === uid ? 6 : file.gid === gid ? 3 : 0;
  return ((file.mode >> shift) & 2) !== 0;
}
