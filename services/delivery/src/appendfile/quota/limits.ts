import type { AppendfileText } from "@postbus/policy";
import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";

/** A bound on a mailbox; 0: none. */
export interface Limit {
  readonly value: number;
  /** `/no_check`: it is written down, and nobody is turned away by it. */
  readonly isEnforced: boolean;
}

export interface Limits {
  /** Octets. */
  readonly size: Limit;
  readonly files: Limit;
  /** Octets at which a warning is sent; 0: never. */
  readonly threshold: number;
}

/** `quota`, `quota_filecount`, `quota_warn_threshold`; undefined: none of them is set. @throws {MailboxError} */
export async function readLimits(job: MailboxJob): Promise<Limits | undefined> {
  const { transport } = job;
  if (transport.source("quota") === undefined && transport.source("quota_warn_threshold") === undefined)
    return undefined;
  const size = await limitOf(job, "quota");
  const files = await limitOf(job, "quota_filecount");
  return { size, files, threshold: await thresholdOf(job, size.value) };
}

async function limitOf(job: MailboxJob, option: "quota" | "quota_filecount"): Promise<Limit> {
  const text = (await job.text(option)) ?? "0";
  const number = text.replace(/\/no_check\s*$/, "");
  return { value: Math.max(0, numberOf(job, option, number, text)), isEnforced: number === text };
}

async function thresholdOf(job: MailboxJob, quota: number): Promise<number> {
  const text = (await job.text("quota_warn_threshold")) ?? "0";
  const [, percent] = /^\s*(\d+)%\s*$/.exec(text) ?? [];
  if (percent === undefined) return Math.max(0, numberOf(job, "quota_warn_threshold", text, text));
  if (Number(percent) >= 100) {
    const problem = `Invalid quota_warn_threshold percentage (${percent}) for ${job.transport.name} transport`;
    throw new MailboxError(mailboxErrors.unknown, problem);
  }
  return Math.floor((quota * Number(percent)) / 100);
}

/** A size or a count that the policy gives; undefined: it gives none. @throws {MailboxError} */
export async function givenNumber(job: MailboxJob, option: AppendfileText): Promise<number | undefined> {
  const text = await job.text(option);
  return text === undefined ? undefined : numberOf(job, option, text, text);
}

const FACTORS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

function numberOf(job: MailboxJob, option: AppendfileText, number: string, whole: string): number {
  const [, digits, letter = ""] = /^\s*(-?\d+(?:\.\d*)?)([KMGkmg]?)\s*$/.exec(number) ?? [];
  const { name } = job.transport;
  if (digits === undefined) {
    const text = `Malformed value "${whole}" (expansion of "${job.transport.source(option)}") in ${name} transport`;
    throw new MailboxError(mailboxErrors.unknown, text);
  }
  return Math.trunc(Number(digits) * (FACTORS[letter.toUpperCase()] ?? 1));
}
