import type { DriverRules, DriverTable } from "../driver-table.ts";
import { ignored, router } from "../option.ts";

/** What cannot be kept when an address is replaced for good. */
function checkOneTime({ options, error }: DriverRules): void {
  if (options.get("headers_add") !== undefined || options.get("headers_remove") !== undefined) {
    error('"headers_add" and "headers_remove" are not permitted with "one_time"');
  }
  if (options.get("unseen") === true) error('"unseen" may not be used with "one_time"');
}

/** Replaces an address by others (Exim's manual, "The redirect router"). */
export const redirectRouter = {
  status: { kind: "supported", reader: "router" },
  options: {
    allow_defer: router("boolean", false),
    allow_fail: router("boolean", false),
    allow_filter: router("boolean*", false, "filter files are refused with a clear deferral"),
    allow_freeze: ignored("boolean", false),
    check_ancestor: router("boolean", false),
    check_group: router("boolean", undefined, "true with check_local_user and a modemask that allows group writing"),
    check_owner: router("boolean", undefined, "true with check_local_user or owners"),
    data: router("string*"),
    directory_transport: router("transport*"),
    file: router("string*"),
    file_transport: router("transport*"),
    filter_prepend_home: ignored("boolean", true),
    forbid_blackhole: router("boolean*", false),
    forbid_exim_filter: ignored("boolean*", false),
    forbid_file: router("boolean*", false),
    forbid_filter_dlfunc: ignored("boolean*", false),
    forbid_filter_existstest: ignored("boolean*", false),
    forbid_filter_logwrite: ignored("boolean*", false),
    forbid_filter_lookup: ignored("boolean*", false),
    forbid_filter_perl: ignored("boolean*", false),
    forbid_filter_readfile: ignored("boolean*", false),
    forbid_filter_readsocket: ignored("boolean*", false),
    forbid_filter_reply: ignored("boolean*", false),
    forbid_filter_run: ignored("boolean*", false),
    forbid_include: router("boolean*", false),
    forbid_pipe: router("boolean*", false),
    forbid_sieve_filter: ignored("boolean*", false),
    forbid_smtp_code: router("boolean*", false),
    hide_child_in_errmsg: router("boolean", false),
    ignore_eacces: router("boolean", false),
    ignore_enotdir: router("boolean", false),
    include_directory: router("string"),
    modemask: router("octal", 0o22),
    one_time: router("boolean", false),
    owners: router("users"),
    owngroups: router("groups"),
    pipe_transport: router("transport*"),
    qualify_domain: router("string*"),
    qualify_preserve_domain: router("boolean", false),
    repeat_use: router("boolean", true),
    reply_transport: router("transport*"),
    rewrite: router("boolean", true),
    sieve_enotify_mailto_owner: ignored("string*"),
    sieve_inbox: ignored("string*"),
    sieve_subaddress: ignored("string*"),
    sieve_useraddress: ignored("string*"),
    sieve_vacation_directory: ignored("string*"),
    skip_syntax_errors: router("boolean", false),
    srs: router("string"),
    srs_alias: router("string*"),
    srs_condition: router("string*"),
    srs_dbinsert: router("string*"),
    srs_dbselect: router("string*"),
    syntax_errors_text: router("string*"),
    syntax_errors_to: router("string"),
  },
  check({ options, error }) {
    const count = ["data", "file"].filter((name) => options.get(name) !== undefined).length;
    if (count === 0) error('one of "file" or "data" must be specified');
    if (count === 2) error('only one of "file" or "data" must be specified');
    if (options.get("transport") !== undefined) error("a transport must not be defined for this router");
    if (options.get("qualify_domain") !== undefined && options.get("qualify_preserve_domain") === true) {
      error('only one of "qualify_domain" or "qualify_preserve_domain" must be set');
    }
    if (options.get("one_time") === true) checkOneTime({ options, error });
  },
} satisfies DriverTable;
