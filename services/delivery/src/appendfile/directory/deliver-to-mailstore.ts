import { rename } from "node:fs/promises";
import type { Folder } from "../folder.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import type { Room } from "../quota/check-quota.ts";
import { directoryQuota } from "../quota/directory-quota.ts";
import { statIfThere } from "../quota/directory-usage.ts";
import { writeMessage } from "../write-message.ts";
import { newFile } from "./new-file.ts";

/**
 * Makes the two files of a message in mailstore format: `NAME.env` has the envelope, `NAME.msg`, which comes last, the message.
 * The name follows from the work item, so a second run finds what the first has finished.
 */
export async function deliverToMailstore(job: MailboxJob, folder: Folder): Promise<Room | undefined> {
  const { name } = job.transport;
  if (job.isRepeated && (await statIfThere(folder.at(`${job.name}.msg`))) !== undefined) return undefined;
  const quota = await directoryQuota(job, { folder, path: `${folder.path}/${job.name}.tmp` });
  const more = { mailstore_basename: job.name };
  const prefix = await job.text("mailstore_prefix", `(mailstore prefix for ${name} transport)`, more);
  const suffix = await job.text("mailstore_suffix", `(mailstore suffix for ${name} transport)`, more);
  const { item } = job.attempt;
  const envelope = [ended(prefix), `${item.errorsTo ?? item.returnPath}\n`];
  for (const { address } of job.recipients) envelope.push(`${address}\n`);
  const octets = Buffer.from([...envelope, ended(suffix)].join(""), "latin1");
  await newFile(job, folder, `${job.name}.env`, (file) => file.writeFile(octets));
  const written = await newFile(job, folder, `${job.name}.tmp`, (file) => writeMessage(job, file));
  job.mustBeHeld();
  job.doing = `while renaming ${folder.path}/${job.name}.tmp as ${folder.path}/${job.name}.msg`;
  await rename(folder.at(`${job.name}.tmp`), folder.at(`${job.name}.msg`));
  await folder.sync();
  await quota.delivered(written);
  return quota.room && { ...quota.room, written };
}

const ended = (text = ""): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);
