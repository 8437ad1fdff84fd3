import assert from "node:assert/strict";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { program } from "@postbus/testkit";
import { EXIM, type Row, withExim, withPostbus } from "./beside-exim.ts";
import { ADDS } from "./mailboxes.ts";

const skip = program(EXIM) === undefined ? `${EXIM} is not on this machine` : false;

const mailbox =
  (name: string, mode = 0o600, text = "old\n"): NonNullable<Row["before"]> =>
  (root, own) => {
    writeFileSync(join(root, name), text, { mode });
    own(join(root, name));
  };

const HEADER = "From: s@x.test\nDate: Sat, 21 Nov 2026 01:36:36 +0000\nMessage-Id: <m@x.test>\nSubject: x\n";

const ROWS: readonly Row[] = [
  { name: "mbox", options: ` file = DIR/u1\n${ADDS}` },
  { name: "mbox, a second message", options: ` file = DIR/u1\n${ADDS}`, times: 2 },
  { name: "mbox, behind what is there", options: ` file = DIR/u1\n${ADDS}`, before: mailbox("u1") },
  { name: "mbox, two recipients", options: " file = DIR/$local_part_data", recipients: ["u1@a.test", "u2@a.test"] },
  { name: "mbox, CRLF", options: ` file = DIR/u1\n use_crlf\n${ADDS}` },
  {
    name: "other strings around",
    options: ' file = DIR/u1\n message_prefix = "1 $return_path $local_part\\n"\n message_suffix = "2\\n"',
  },
  {
    name: "MMDF",
    options:
      ' file = DIR/u1\n message_prefix = "\\1\\1\\1\\1\\n"\n message_suffix = "\\1\\1\\1\\1\\n"\n check_string = "\\1\\1\\1\\1"\n escape_string = "\\1\\1\\1\\1 "',
  },
  { name: "nothing escaped", options: " file = DIR/u1\n check_string =\n message_prefix =\n message_suffix =" },
  { name: "another string escaped", options: ' file = DIR/u1\n check_string = "bo"\n escape_string = "BO-"' },
  { name: "BSMTP", options: ` file = DIR/u1\n use_bsmtp\n${ADDS}` },
  {
    name: "BSMTP, CRLF, several in one",
    options: ` file = DIR/u\n use_bsmtp\n use_crlf\n batch_max = 10\n${ADDS}`,
    recipients: ["u1@a.test", "u2@a.test", "u3@a.test"],
  },
  {
    name: "BSMTP, strings around",
    options: ' file = DIR/u1\n use_bsmtp\n message_prefix = "1\\n"\n message_suffix = "2\\n"',
  },
  {
    // Into one file, either may come first: they are written at one time.
    name: "batches of two",
    options: ` directory = DIR/u\n maildir_format\n batch_max = 2\n${ADDS}`,
    recipients: ["u1@a.test", "u2@a.test", "u3@a.test"],
  },
  {
    name: "batches by their id alone",
    options: ` file = DIR/u\n batch_max = 9\n batch_id = x\n${ADDS}`,
    recipients: ["u1@a.test", "u2@a.test"],
  },
  {
    name: "batches by their id, which depends on the local part",
    options: ` directory = DIR/u\n maildir_format\n batch_max = 9\n batch_id = \${if eq{$local_part}{u2}{2}{1}}\n${ADDS}`,
    recipients: ["u1@a.test", "u2@a.test", "u3@a.test"],
  },
  { name: "headers only", options: " file = DIR/u1\n headers_only" },
  { name: "body only", options: " file = DIR/u1\n body_only" },
  { name: "headers changed", options: " file = DIR/u1\n headers_remove = subject\n headers_add = X-To: $local_part" },
  { name: "modes", options: " file = DIR/a/b/u1\n mode = 0644\n directory_mode = 0750" },
  { name: "Maildir", options: ` directory = DIR/u1\n maildir_format\n maildir_tag = ,S=$message_size\n${ADDS}` },
  {
    name: "Maildir, a tag that is cleaned",
    options: ' directory = DIR/u1\n maildir_format\n maildir_tag = "x/y z:2,S=$message_size"',
  },
  {
    name: "Maildir, a tag that fails",
    options: " directory = DIR/u1\n maildir_format\n maildir_tag = ${if eq{1}{2}{x}fail}",
  },
  { name: "Maildir, CRLF", options: " directory = DIR/u1\n maildir_format\n use_crlf" },
  { name: "Maildir++", options: " directory = DIR/u1\n maildir_format\n quota = 1M\n maildir_use_size_file", times: 2 },
  {
    name: "Maildir++ without a quota",
    options: " directory = DIR/u1\n maildir_format\n maildir_use_size_file",
    times: 2,
  },
  {
    name: "a folder of a Maildir",
    options: " directory = DIR/u1/.x\n maildir_format\n maildirfolder_create_regex = /\\.[^/]+$",
  },
  { name: "a file for each message", options: ` directory = DIR/u1\n${ADDS}`, times: 1 },
  { name: "a file with a name of its own", options: " directory = DIR/u1\n directory_file = m-$local_part" },
  {
    name: "mailstore",
    options: ` directory = DIR/u1\n mailstore_format\n mailstore_prefix = "1 $local_part\\n"\n mailstore_suffix = "2\\n"\n${ADDS}`,
  },
  {
    name: "mailstore, several in one",
    options: " directory = DIR/u\n mailstore_format\n batch_max = 5",
    recipients: ["u1@a.test", "u2@a.test"],
  },
  { name: "/dev/null", options: " file = /dev/null" },
  { name: "a body without its last line end", options: " file = DIR/u1", message: `${HEADER}\nFrom a\n\nlast` },
  { name: "no body", options: " file = DIR/u1", message: HEADER },
  { name: "quota", options: " file = DIR/u1\n quota = 100", before: mailbox("u1") },
  { name: "quota, not inclusive", options: " file = DIR/u1\n quota = 4\n quota_is_inclusive = false", times: 2 },
  { name: "quota, not checked", options: " file = DIR/u1\n quota = 3/no_check", before: mailbox("u1") },
  { name: "quota, none", options: " file = DIR/u1\n quota = -1" },
  { name: "quota, malformed", options: " file = DIR/u1\n quota = ${lc:X}y" },
  { name: "quota, by the policy's own size", options: " file = DIR/u1\n quota = 1K\n mailbox_size = 1K" },
  {
    name: "quota of files",
    options: " directory = DIR/u1\n quota = 1M\n quota_filecount = 1\n directory_file = $tod_epoch_l",
    times: 2,
  },
  {
    name: "quota of files, Maildir",
    options: " directory = DIR/u1\n maildir_format\n quota = 1M\n quota_filecount = 4",
    times: 2,
  },
  {
    name: "quota of files, Maildir++",
    options: " directory = DIR/u1\n maildir_format\n quota = 1M\n quota_filecount = 1\n maildir_use_size_file",
    times: 2,
  },
  {
    name: "quota by names",
    options:
      " directory = DIR/u1\n maildir_format\n quota = 20K\n maildir_tag = ,S=30000\n quota_size_regex = ,S=(\\d+)",
    times: 2,
  },
  { name: "too wide a mode is narrowed", options: " file = DIR/u1", before: mailbox("u1", 0o644) },
  { name: "too narrow a mode", options: " file = DIR/u1", before: mailbox("u1", 0o400) },
  { name: "another mode", options: " file = DIR/u1", before: mailbox("u1", 0o440) },
  { name: "a file that must exist", options: " file = DIR/u1\n file_must_exist" },
  { name: "in the home directory", options: " file = DIR/u1\n create_file = inhome\n home_directory = DIR" },
  { name: "not in the home directory", options: " file = DIR/x/u1\n create_file = inhome\n home_directory = DIR" },
  { name: "not below a directory", options: " file = DIR/x/u1\n create_file = /tmp/other" },
  { name: "no directory is made", options: " file = DIR/x/u1\n create_directory = false" },
  {
    name: "a link",
    options: " file = DIR/u1",
    before: (root, own) => {
      mailbox("real")(root, own);
      symlinkSync(join(root, "real"), join(root, "u1"));
      own(join(root, "u1"));
    },
  },
  {
    name: "a link that is followed",
    options: " file = DIR/u1\n allow_symlink",
    before: (root, own) => {
      mailbox("real")(root, own);
      symlinkSync(join(root, "real"), join(root, "u1"));
      own(join(root, "u1"));
    },
  },
  {
    name: "a file of two names",
    options: " file = DIR/u1",
    before: (root, own) => {
      mailbox("u1")(root, own);
      linkSync(join(root, "u1"), join(root, "u2"));
    },
  },
  {
    name: "a directory where the file should be",
    options: " file = DIR/u1",
    before: (root, own) => {
      mkdirSync(join(root, "u1"));
      own(join(root, "u1"));
    },
  },
  {
    name: "a file where the Maildir should be",
    options: " directory = DIR/u1\n maildir_format",
    before: mailbox("u1"),
  },
  { name: "a peer's word", options: " file = DIR/$local_part" },
  { name: "no absolute path", options: " file = u1" },
  { name: "nothing", options: " file = ${if eq{1}{2}{x}}" },
  { name: "no expansion", options: " file = ${if eq{1}{2}{x}fail}" },
  { name: "locked", options: " file = DIR/u1\n lock_retries = 1\n lock_interval = 1s", before: mailbox("u1.lock") },
];

describe("a message in a mailbox is what Exim makes of it", { skip }, () => {
  for (const row of ROWS) {
    test(row.name, async () => {
      const [ours, exims] = [await withPostbus(row), withExim(row)];
      assert.deepEqual(ours, exims);
    });
  }
});
