import { readTime as time } from "../../reader/option-value.ts";
import type { DriverTable } from "../driver-table.ts";
import { delivery, ignored, later } from "../option.ts";

/** `anywhere`, `belowhome`, `inhome`, or an absolute directory. */
function checkCreateFile(text: string): string | undefined {
  if (/^(anywhere|belowhome|inhome)$/.test(text) || text.startsWith("/")) return undefined;
  return `anywhere, belowhome, inhome or an absolute path is expected, not "${text}"`;
}

/** Delivers into mailboxes: files, maildir and other directories (Exim's manual, "The appendfile transport"). */
export const appendfileTransport = {
  status: { kind: "supported", reader: "delivery" },
  options: {
    allow_fifo: delivery("boolean", false),
    allow_symlink: delivery("boolean", false),
    batch_id: delivery("string*"),
    batch_max: delivery("integer", 1),
    check_group: delivery("boolean", false),
    check_owner: delivery("boolean", true),
    check_string: delivery("string", undefined, '"From " for mbox'),
    create_directory: delivery("boolean", true),
    create_file: delivery("string", "anywhere", { check: checkCreateFile }),
    directory: delivery("string*"),
    directory_file: delivery("string*", "q${base62:$tod_epoch}-$inode"),
    directory_mode: delivery("octal", 0o700),
    escape_string: delivery("string", undefined, '">From " for mbox'),
    file: delivery("string*"),
    file_format: later("string", "choosing a transport by the format of the file; use one format"),
    file_must_exist: delivery("boolean", false),
    lock_fcntl_timeout: ignored("time", time("0s")),
    lock_flock_timeout: ignored("time", time("0s")),
    lock_interval: delivery("time", time("3s")),
    lock_retries: delivery("integer", 10),
    lockfile_mode: delivery("octal", 0o600),
    lockfile_timeout: delivery("time", time("30m")),
    mailbox_filecount: delivery("string*"),
    mailbox_size: delivery("string*"),
    maildir_format: delivery("boolean", false),
    maildir_quota_directory_regex: delivery("string", "^(?:cur|new|\\..*)$"),
    maildir_retries: ignored("integer", 10),
    maildir_tag: delivery("string*", undefined, "`,S=` and the size"),
    maildir_use_size_file: delivery("boolean*", false),
    maildirfolder_create_regex: delivery("string"),
    mailstore_format: delivery("boolean", false),
    mailstore_prefix: delivery("string*"),
    mailstore_suffix: delivery("string*"),
    mbx_format: later("boolean", "mailboxes in MBX format; use mbox or maildir_format"),
    message_prefix: delivery("string*", undefined, "the From line for mbox"),
    message_suffix: delivery("string*", undefined, "an empty line for mbox"),
    mode: delivery("octal", 0o600),
    mode_fail_narrower: delivery("boolean", true),
    notify_comsat: ignored("boolean", false),
    quota: delivery("string*"),
    quota_directory: delivery("string*"),
    quota_filecount: delivery("string*"),
    quota_is_inclusive: delivery("boolean", true),
    quota_size_regex: delivery("string"),
    quota_warn_message: delivery("string*", undefined, "a short text"),
    quota_warn_threshold: delivery("string*"),
    use_bsmtp: delivery("boolean", false),
    use_crlf: delivery("boolean", false),
    use_fcntl_lock: ignored("boolean", true),
    use_flock_lock: delivery("boolean", false, "only false: the lock file is the lock"),
    use_lockfile: delivery("boolean", true, "only true for files"),
    use_mbx_lock: later("boolean", "mailboxes in MBX format; use mbox or maildir_format"),
  },
  check({ options, error }) {
    const isSet = (name: string) => options.get(name) !== undefined && options.get(name) !== false;
    if (isSet("file") && isSet("directory")) error('only one of "file" or "directory" can be specified');
    if (isSet("maildir_format") && isSet("mailstore_format"))
      error("only one of maildir and mailstore may be specified");
    for (const option of ["quota_filecount", "quota_directory"]) {
      if (!isSet(option)) continue;
      if (!isSet("quota")) error(`quota must be set if ${option} is set`);
      if (!isSet("directory")) error(`${option} must not be set without "directory"`);
    }
    const locks = ["use_lockfile", "use_fcntl_lock", "use_flock_lock"];
    if (!locks.some(isSet)) error("no locking configured");
  },
} satisfies DriverTable;
