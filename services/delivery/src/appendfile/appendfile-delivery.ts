import { constants } from "node:os";
import { join } from "node:path";
import { DeferError } from "@postbus/mail";
import type { AppendfileTransport, Policy } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { deliverToMaildir } from "../maildir/maildir-delivery.ts";
import { systemError } from "../system-error.ts";
import { batchesOf } from "./batches.ts";
import { deliverAsFile } from "./directory/deliver-as-file.ts";
import { deliverToMailstore } from "./directory/deliver-to-mailstore.ts";
import { deliverToFile } from "./file/deliver-to-file.ts";
import { openFolder } from "./folder.ts";
import type { MailboxDeps } from "./mailbox-deps.ts";
import { MailboxError, mailboxErrors } from "./mailbox-error.ts";
import type { MailboxJob } from "./mailbox-job.ts";
import { mailboxPlace } from "./mailbox-place.ts";
import { mayCreate } from "./may-create.ts";
import { ownerOf } from "./owner.ts";
import { crossesThreshold, type Room } from "./quota/check-quota.ts";
import { quotaWarning } from "./quota/quota-warning.ts";

/** Copies of one item that are written at one time: enough to share the waits for the disk. */
const AT_ONE_TIME = 8;

const { ENOSPC, EDQUOT } = constants.errno;

/** Puts a message into the mailboxes of an item's recipients. */
export async function deliverByAppendfile(
  attempt: Attempt,
  transport: AppendfileTransport,
  policy: Pick<Policy, "primaryHostname" | "qualifyDomain" | "reports">,
  deps: MailboxDeps,
): Promise<AttemptReport> {
  const jobs = await batchesOf({ attempt, transport, hostName: policy.primaryHostname, deps });
  const results: AttemptResult[] = [];
  const warned: MailboxJob[] = [];
  for (let at = 0; at < jobs.length; at += AT_ONE_TIME) {
    const some = jobs.slice(at, at + AT_ONE_TIME);
    // Waits for all of them, so that nothing goes on behind the back of whoever handles the error.
    const settled = await Promise.allSettled(some.map(deliver));
    for (const [i, job] of some.entries()) {
      const one = settled[i];
      if (one?.status !== "fulfilled") throw one?.reason;
      for (const position of job.positions) results[position] = one.value.result;
      if (one.value.room !== undefined && crossesThreshold(one.value.room)) warned.push(job);
    }
  }
  if (warned.length === 0) return { results, notes: [] };
  const warnings = await Promise.all(warned.map((job) => quotaWarning(job, policy)));
  const { notes, publish, events } = joined(warnings);
  return { results, notes, publish, events };
}

const joined = (all: readonly Awaited<ReturnType<typeof quotaWarning>>[]) => ({
  notes: all.flatMap(({ notes }) => notes),
  publish: all.flatMap(({ publish }) => publish),
  events: all.flatMap(({ events }) => events),
});

async function deliver(job: MailboxJob): Promise<{ readonly result: AttemptResult; readonly room?: Room | undefined }> {
  try {
    return { result: { outcome: "delivered" }, room: await put(job) };
  } catch (err) {
    return { result: deferred(job, err) };
  }
}

async function put(job: MailboxJob): Promise<Room | undefined> {
  const { kind, path } = await mailboxPlace(job);
  if (kind === "nowhere") return undefined;
  job.owner = await ownerOf(job);
  if (kind === "file") return deliverToFile(job, path);
  const { directoryFormat, createsDirectory } = job.transport.settings;
  if (!(await mayCreate(job, join(path, "x")))) {
    const text = `tried to create file in ${path}, but file creation outside the home directory is not permitted`;
    throw new MailboxError(mailboxErrors.creation, text);
  }
  if (directoryFormat === "maildir") return deliverToMaildir(job, path);
  await using folder = await openFolder(job, path, createsDirectory);
  return directoryFormat === "mailstore" ? await deliverToMailstore(job, folder) : await deliverAsFile(job, folder);
}

function deferred(job: MailboxJob, err: unknown): AttemptResult {
  if (err instanceof MailboxError) {
    const { errno, message: text, unreadForMs } = err;
    return { outcome: "deferred", errno, text, ...(unreadForMs === undefined ? {} : { unreadForMs }) };
  }
  if (err instanceof DeferError) return { outcome: "deferred", errno: mailboxErrors.unknown, text: err.message };
  const found = systemError(err);
  if (found === undefined) throw err;
  const isFull = found.errno === ENOSPC || found.errno === EDQUOT;
  return { outcome: "deferred", errno: found.errno, text: isFull ? "mailbox is full" : job.doing };
}
