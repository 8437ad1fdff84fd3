import { ForcedFailure, textOf } from "@postbus/policy";
import type { MailboxJob } from "../appendfile/mailbox-job.ts";

/** Longest file name on common file systems (`NAME_MAX`). */
const MAX_NAME = 255;

/**
 * What stands behind the unique part of a file's name: `maildir_tag`, or the size, which spares readers a look at the file. What
 * does not belong into a name is left out, and a tag that makes it too long as well (Exim's manual, "maildir_tag").
 *
 * @param size Octets of the message as it was written.
 */
export async function maildirTag(job: MailboxJob, size: number): Promise<string> {
  if (job.transport.source("maildir_tag") === undefined) return `,S=${size}`;
  try {
    const value = await job.transport.expand("maildir_tag", job.address, { message_size: size });
    const kept = textOf(value ?? "").replace(/[^\x21-\x7e]|\//g, "");
    const tag = /^[0-9A-Za-z]/.test(kept) ? `:${kept}` : kept;
    return job.name.length + tag.length > MAX_NAME ? "" : tag;
  } catch (err) {
    if (err instanceof ForcedFailure) return "";
    await job.text("maildir_tag", `(maildir_tag for ${job.transport.name} transport)`, { message_size: size });
    throw err;
  }
}
