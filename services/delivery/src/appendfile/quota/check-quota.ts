import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { givenNumber, type Limits } from "./limits.ts";

/** What a mailbox holds. */
export interface Usage {
  /** Octets. */
  readonly size: number;
  readonly files: number;
}

/** What a mailbox held before a delivery, and what came of it. */
export interface Room {
  readonly limits: Limits;
  readonly before: number;
  /** Octets of the message as it was written. */
  readonly written: number;
}

interface Checked {
  /** Where the message would be, for the text. */
  readonly path: string;
  /** When somebody has last looked into the mailbox, milliseconds since the epoch. */
  readonly readAtMs: () => number | Promise<number>;
}

/**
 * Whether there is room for one more message (Exim's manual, "quota" and its relatives).
 *
 * @param measured What is there, unless the policy says it: `mailbox_size`, `mailbox_filecount`.
 * @throws {MailboxError} there is not.
 */
export async function checkQuota(
  job: MailboxJob,
  limits: Limits,
  measured: () => Usage | Promise<Usage>,
  { path, readAtMs }: Checked,
): Promise<Room> {
  const { size, files } = await usageOf(job, measured);
  // A limit for the number of files is only looked at beside one for their size, as with Exim.
  if (limits.size.value > 0) {
    const over = async (what: string): Promise<never> => {
      const text = `mailbox is full (MTA-imposed${what} quota exceeded while writing to ${path})`;
      throw new MailboxError(mailboxErrors.quota, text, Math.max(0, job.deps.now() - (await readAtMs())));
    };
    const added = addedBy(job);
    if (limits.size.isEnforced && size + added.size > limits.size.value) await over("");
    if (limits.files.value > 0 && limits.files.isEnforced && files + added.files > limits.files.value) {
      await over(" filecount");
    }
  }
  return { limits, before: size, written: 0 };
}

async function usageOf(job: MailboxJob, measured: () => Usage | Promise<Usage>): Promise<Usage> {
  const size = await givenNumber(job, "mailbox_size");
  const files = await givenNumber(job, "mailbox_filecount");
  if (size !== undefined && size >= 0 && files !== undefined && files >= 0) return { size, files };
  const usage = await measured();
  return {
    size: size === undefined || size < 0 ? usage.size : size,
    files: files === undefined || files < 0 ? usage.files : files,
  };
}

/** What the message counts before it is there: `quota_is_inclusive`. */
export function addedBy(job: MailboxJob): Usage {
  return job.transport.settings.quotaIsInclusive ? { size: messageSize(job), files: 1 } : { size: 0, files: 0 };
}

const LF = 10;

/** Octets of the message as it came, with line ends of one octet; of one in the spool, which would have to be read, as it is. */
function messageSize({ attempt: { content } }: MailboxJob): number {
  if (content.kind === "spooled") return content.size;
  let lines = 0;
  for (let at = content.octets.indexOf(LF); at !== -1; at = content.octets.indexOf(LF, at + 1)) lines++;
  return content.octets.length - lines;
}

/** Whether the delivery has brought the mailbox above the size at which its owner is to be warned. */
export const crossesThreshold = ({ limits: { threshold }, before, written }: Room): boolean =>
  threshold > 0 && before <= threshold && before + written > threshold;
