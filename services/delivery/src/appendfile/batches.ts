import { MailboxError } from "./mailbox-error.ts";
import { type JobParts, MailboxJob } from "./mailbox-job.ts";
import { mailboxPlace } from "./mailbox-place.ts";

/**
 * The copies that are to be made: one for each recipient, or, with `batch_max`, one for several (Exim's manual, "Multiple
 * addresses for appendfile": the same `batch_id` and mailbox, and the same of what the options depend on).
 */
export async function batchesOf(parts: Omit<JobParts, "positions">): Promise<readonly MailboxJob[]> {
  const { attempt, transport } = parts;
  const { recipients } = attempt.item;
  const single = recipients.map((_, position) => new MailboxJob({ ...parts, positions: [position] }));
  const { batchMax } = transport.settings;
  if (batchMax <= 1 || recipients.length === 1) return single;
  const open = new Map<string, number[]>();
  const batches: number[][] = [];
  for (const [position, job] of single.entries()) {
    const key = await keyOf(job);
    const batch = key === undefined ? undefined : open.get(key);
    if (batch !== undefined && batch.length < batchMax) {
      batch.push(position);
    } else {
      const begun = [position];
      batches.push(begun);
      if (key !== undefined) open.set(key, begun);
    }
  }
  return batches.map((positions) => new MailboxJob({ ...parts, positions }));
}

/** @returns undefined: what is wrong with the recipient's options is said when it is delivered to. */
async function keyOf(job: MailboxJob): Promise<string | undefined> {
  try {
    const id = (await job.text("batch_id")) ?? "";
    const { path } = await mailboxPlace(job);
    const { transport, address } = job;
    const at = address.lastIndexOf("@");
    const localPart = transport.dependsOn("local_part") ? address.slice(0, at) : "";
    const domain = transport.dependsOn("domain") ? address.slice(at) : "";
    return [id, path, localPart, domain].join("\0");
  } catch (err) {
    if (err instanceof MailboxError) return undefined;
    throw err;
  }
}
