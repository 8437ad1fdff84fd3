import { constants, open, rename, unlink } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import type { Regex } from "@postbus/regex";
import { systemError } from "../../system-error.ts";
import type { Folder } from "../folder.ts";
import type { MailboxJob } from "../mailbox-job.ts";
import type { Usage } from "./check-quota.ts";
import { type Measure, maildirUsage } from "./directory-usage.ts";
import type { Limits } from "./limits.ts";

/** A longer file is made anew (https://www.inter7.com/courierimap/README.maildirquota.html, "Maildir++"). */
const MAX_OCTETS = 5_120;
/** Of a mailbox that is full, an older file is made anew: somebody may have deleted messages. */
const MAX_AGE_MS = 15 * 60_000;

interface Options {
  readonly limits: Limits | undefined;
  /** What the message would add, as far as it counts. */
  readonly added: Usage;
  readonly directoryRegex: Regex;
  readonly measure: Measure;
}

/** The file `maildirsize` of a Maildir, in which all who deliver into it or delete from it keep count. */
export class MaildirSize {
  readonly usage: Usage;
  readonly #job: MailboxJob;
  readonly #folder: Folder | undefined;

  private constructor(job: MailboxJob, usage: Usage, folder: Folder | undefined) {
    this.#job = job;
    this.usage = usage;
    this.#folder = folder;
  }

  /**
   * Reads the file; where it is missing, or cannot be right, it is made anew.
   *
   * @param temporary Where files are made.
   */
  static async open(job: MailboxJob, folder: Folder, temporary: Folder, options: Options): Promise<MaildirSize> {
    job.doing = `while opening or reading ${folder.path}/${NAME}`;
    const known = await readSizes(folder.at(NAME), options, job.deps.now());
    if (known !== undefined) return new MaildirSize(job, known, folder);
    const measure = () => maildirUsage(folder.at("."), options.directoryRegex, options.measure);
    const { changedAtMs, size, files } = await measure();
    const name = `${job.name}.size`;
    {
      await using file = await open(
        temporary.at(name),
        O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
        job.transport.settings.mode,
      );
      if (job.owner !== undefined) await file.chown(job.owner.uid, job.owner.gid);
      await file.write(`${quotaLine(options.limits)}\n${size} ${files}\n`);
    }
    await rename(temporary.at(name), folder.at(NAME));
    // What was delivered while we counted may be in the sum, or not.
    if ((await measure()).changedAtMs <= changedAtMs) return new MaildirSize(job, { size, files }, folder);
    await unlink(folder.at(NAME));
    return new MaildirSize(job, { size, files }, undefined);
  }

  /** A message has come. */
  async add(octets: number): Promise<void> {
    if (this.#folder === undefined) return;
    await using file = await open(this.#folder.at(NAME), O_WRONLY | O_APPEND | O_NOFOLLOW);
    const { owner } = this.#job;
    const { uid, nlink } = await file.stat();
    // Root does not write to what the mailbox's owner has put there under this name.
    if (owner !== undefined && (uid !== owner.uid || nlink !== 1)) return;
    await file.write(`${octets} 1\n`);
  }
}

const NAME = "maildirsize";
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;

const quotaLine = (limits: Limits | undefined): string => `${limits?.size.value ?? 0}S,${limits?.files.value ?? 0}C`;

/** @returns undefined: it has to be made anew. */
async function readSizes(path: string, { limits, added }: Options, nowMs: number): Promise<Usage | undefined> {
  let text: string;
  let changedAtMs: number;
  try {
    await using file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_OCTETS + 1), 0, MAX_OCTETS + 1, 0);
    if (bytesRead > MAX_OCTETS) return undefined;
    text = buffer.toString("latin1", 0, bytesRead);
    changedAtMs = (await file.stat()).mtimeMs;
  } catch (err) {
    if (systemError(err)?.errno === osConstants.errno.ENOENT) return undefined;
    throw err;
  }
  const [head, ...lines] = text.split("\n");
  if (head !== quotaLine(limits) || lines.pop() !== "") return undefined;
  let [size, files] = [0, 0];
  for (const line of lines) {
    const [, octets, count] = /^\s*(-?\d{1,15})\s+(-?\d{1,9})\s*$/.exec(line) ?? [];
    if (octets === undefined || count === undefined) return undefined;
    size += Number(octets);
    files += Number(count);
  }
  if (size < 0 || files < 0) return undefined;
  const isFull = isAbove(size + added.size, limits?.size.value) || isAbove(files + added.files, limits?.files.value);
  if (isFull && (lines.length > 1 || nowMs - changedAtMs > MAX_AGE_MS)) return undefined;
  return { size, files };
}

const isAbove = (value: number, limit = 0): boolean => limit > 0 && value > limit;
