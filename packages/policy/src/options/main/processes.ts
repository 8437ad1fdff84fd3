import { readTime as time } from "../../reader/option-value.ts";
import { ignored, type OptionTable, refused } from "../option.ts";

/** Exim's processes, accounts, spool files and command line, of which a fleet has none. */
export const processOptions = {
  admin_groups: ignored("list*"),
  allow_insecure_tainted_data: refused(
    "boolean",
    "untrusted data is never taken for a file name or a query: use $local_part_data, $domain_data or a lookup's result",
  ),
  bi_command: ignored("string"),
  commandline_checks_require_admin: ignored("boolean", false),
  daemon_modules_load: ignored("list"),
  daemon_startup_retries: ignored("integer", 9),
  daemon_startup_sleep: ignored("time", time("30s")),
  debug_store: ignored("boolean", false),
  exim_group: ignored("string", undefined, "compile-time configured"),
  exim_path: ignored("string", undefined, "see below"),
  exim_user: ignored("string", undefined, "compile-time configured"),
  finduser_retries: ignored("integer", 0),
  local_scan_path: refused("string", "code of a local_scan() function cannot be loaded: write the rule as an ACL"),
  local_scan_timeout: ignored("time", time("5m")),
  localhost_number: ignored("string*"),
  max_username_length: ignored("integer", 0),
  never_users: ignored("list*"),
  notifier_socket: ignored("string", "$spool_directory/ exim_daemon_notify"),
  panic_coredump: ignored("boolean", false),
  pid_file_path: ignored("string*", undefined, "set at compile time"),
  prod_requires_admin: ignored("boolean", true),
  queue_list_requires_admin: ignored("boolean", true),
  split_spool_directory: ignored("boolean", false),
  spool_directory: ignored("string*", undefined, "set at compile time"),
  spool_wireformat: ignored("boolean", false),
  tcp_nodelay: ignored("boolean", true),
  tcp_wrappers_daemon_name: refused("string*", "TCP wrappers are not asked: use acl_smtp_connect with `hosts`"),
  trusted_groups: ignored("list*"),
  trusted_users: ignored("list*"),
} satisfies OptionTable;
