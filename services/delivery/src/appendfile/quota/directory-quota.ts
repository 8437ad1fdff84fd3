import { basename, dirname, isAbsolute } from "node:path";
import { compileRegex } from "@postbus/regex";
import { type Folder, openFolder } from "../folder.ts";
import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import { pathText } from "../path-text.ts";
import { addedBy, checkQuota, type Room, type Usage } from "./check-quota.ts";
import { directoryUsage, measureOf, statIfThere } from "./directory-usage.ts";
import { type Limits, readLimits } from "./limits.ts";
import { MaildirSize } from "./maildirsize.ts";

interface Target {
  /** The mailbox. */
  readonly folder: Folder;
  /** The file that is about to be written, for the text. */
  readonly path: string;
  /** Directory whose last change tells when the mailbox was read; undefined: nobody knows. */
  readonly readIn?: Folder;
  /** Where files of a Maildir are made; undefined: it is none. */
  readonly temporary?: Folder;
}

/** What is to be done about a mailbox's quota when the message is there. */
export interface DirectoryQuota {
  readonly room: Room | undefined;
  /** @param octets Of the message as it was written. */
  delivered(octets: number): Promise<void>;
}

const NOTHING: DirectoryQuota = { room: undefined, delivered: async () => undefined };

/**
 * Looks whether a mailbox that is a directory has room (Exim's manual, "quota", "quota_directory", "maildir_use_size_file").
 *
 * @throws {MailboxError} it has not.
 */
export async function directoryQuota(job: MailboxJob, target: Target): Promise<DirectoryQuota> {
  const limits = await readLimits(job);
  const { transport } = job;
  const keepsSize = target.temporary !== undefined && (await usesSizeFile(job));
  if (limits === undefined && !keepsSize) return NOTHING;
  const checked = await checkedFolder(job, target.folder);
  if (checked === undefined) return NOTHING;
  const { quotaSizeRegex, maildirQuotaDirectoryRegex } = transport.settings;
  const measure = measureOf(quotaSizeRegex);
  const directoryRegex = compileRegex(maildirQuotaDirectoryRegex);
  const sizes =
    keepsSize && target.temporary !== undefined
      ? await MaildirSize.open(job, checked, target.temporary, { limits, added: addedBy(job), directoryRegex, measure })
      : undefined;
  const usage = (): Usage | Promise<Usage> => sizes?.usage ?? directoryUsage(checked.at("."), measure);
  const room = limits && (await check(job, limits, usage, target));
  return { room, delivered: async (octets) => sizes?.add(octets) };
}

function check(job: MailboxJob, limits: Limits, usage: () => Usage | Promise<Usage>, target: Target): Promise<Room> {
  const { path, readIn } = target;
  const readAtMs = async () => (readIn && (await statIfThere(readIn.at(".")))?.mtimeMs) ?? job.deps.now();
  return checkQuota(job, limits, usage, { path, readAtMs });
}

async function usesSizeFile(job: MailboxJob): Promise<boolean> {
  const text = (await job.text("maildir_use_size_file"))?.trim().toLowerCase() ?? "";
  if (["", "false", "no"].includes(text)) return false;
  if (["true", "yes"].includes(text)) return true;
  const { name } = job.transport;
  throw new MailboxError(
    mailboxErrors.unknown,
    `"${text}" is not a valid value for maildir_use_size_file in ${name} transport`,
  );
}

/**
 * The directory whose content counts: `quota_directory`, or the mailbox, or, of a folder in a Maildir, the Maildir.
 *
 * @returns undefined: the folder is one that does not count.
 */
async function checkedFolder(job: MailboxJob, folder: Folder): Promise<Folder | undefined> {
  const named = await job.fileName("quota_directory", "quota_directory name");
  if (named !== undefined) {
    if (!isAbsolute(named)) {
      throw new MailboxError(mailboxErrors.notAbsolute, `appendfile: quota_directory name "${named}" is not absolute`);
    }
    return openFolder(job, pathText(named), false);
  }
  if (job.transport.settings.directoryFormat !== "maildir") return folder;
  if ((await statIfThere(folder.at("maildirfolder"))) === undefined) return folder;
  const regex = compileRegex(job.transport.settings.maildirQuotaDirectoryRegex);
  if (regex.exec(Buffer.from(basename(folder.path)).toString("latin1")) === undefined) return undefined;
  return openFolder(job, dirname(folder.path), false);
}
