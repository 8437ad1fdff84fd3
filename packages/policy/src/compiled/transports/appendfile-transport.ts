import type { Variables } from "../../expansion/evaluation.ts";
import type { Value } from "../../expansion/value.ts";
import type { AnyTransport } from "../../policy.ts";
import type { LineForm } from "./local/line-form.ts";

/** Options of an appendfile transport that are expanded for each delivery. */
export const APPENDFILE_TEXTS = [
  ...(["file", "directory", "batch_id", "directory_file", "maildir_tag", "maildir_use_size_file"] as const),
  ...(["mailbox_size", "mailbox_filecount", "mailstore_prefix", "mailstore_suffix"] as const),
  ...(["message_prefix", "message_suffix", "quota", "quota_directory", "quota_filecount"] as const),
  ...(["quota_warn_message", "quota_warn_threshold", "home_directory", "current_directory", "user", "group"] as const),
] as const;
export type AppendfileText = (typeof APPENDFILE_TEXTS)[number];

/** What an appendfile transport does that is the same for every message (Exim's manual, "The appendfile transport"). */
export interface AppendfileSettings extends LineForm {
  /** Of what stands in a directory; without one of the two, a file for each message. */
  readonly directoryFormat: "maildir" | "mailstore" | "files";
  readonly createsDirectory: boolean;
  /** `anywhere`, `belowhome`, `inhome`, or an absolute directory. */
  readonly createFile: string;
  readonly fileMustExist: boolean;
  readonly allowsFifo: boolean;
  readonly allowsSymlink: boolean;
  readonly checksOwner: boolean;
  readonly checksGroup: boolean;
  readonly failsIfNarrower: boolean;
  readonly mode: number;
  readonly directoryMode: number;
  readonly lockfileMode: number;
  readonly lockRetries: number;
  readonly lockIntervalMs: number;
  /** Age at which a lock file has been forgotten by whoever made it. */
  readonly lockfileTimeoutMs: number;
  /** Addresses that share one copy. */
  readonly batchMax: number;
  readonly quotaIsInclusive: boolean;
  /** Its first group takes the size of a file out of its name. */
  readonly quotaSizeRegex: string | undefined;
  readonly maildirQuotaDirectoryRegex: string;
  readonly maildirfolderCreateRegex: string | undefined;
}

/** A transport into mailboxes: files, Maildirs and other directories. */
export interface AppendfileTransport extends AnyTransport {
  readonly driver: "appendfile";
  readonly settings: AppendfileSettings;
  /** An option as it is written; undefined: it is not set, and has no default. */
  source(option: AppendfileText): string | undefined;
  /** Whether an option may be another for each local part, or each domain. */
  dependsOn(part: "local_part" | "domain"): boolean;
  /** The variables of an address: `address_file`, `home`. */
  variables(address: string): Variables;
  /**
   * An option expanded for an address. A promise only where something has to be waited for.
   *
   * @param more Variables that are known to who asks: `message_size`, `inode`.
   * @throws {ExpansionFailure} @throws {ForcedFailure} @throws {DeferError}
   */
  expand(
    option: AppendfileText,
    address: string,
    more?: Readonly<Record<string, Value | number>>,
  ): Value | undefined | Promise<Value | undefined>;
}
