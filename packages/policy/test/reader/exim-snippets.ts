import { mainOptions } from "../../src/options/main/index.ts";
import type { OptionType } from "../../src/options/option.ts";

/** A source of chance: from 0 up to, not including, 1. */
type Random = () => number;

/** Values that the reader looks into; some are wrong. The rest of the types take any text. */
const values: Partial<Record<OptionType, readonly string[]>> = {
  boolean: ["true", "no", "YES", "", "1", "maybe", "true false"],
  integer: ["5", "010", "08", "0x1f", "2K", "1KK", "", "x", "-1", "5 5", '"5"', "1.5"],
  octal: ["022", "9", "0x10", "777", ""],
  fixed: ["1.5", "2", "1.", ".5", "x", "1.23456"],
  time: ["5m", "1h30m", "300", "0s", "1h 5m", "", "1H", '"1h"', "1w2d3h4m5s"],
  "time*": ["5m", "$acl_c1", "300", "5x"],
  "time list": ["1h", "1h:2h", "1h : 3h", "x", "2h:1h", "0s", ""],
};
const texts = [
  "x",
  "",
  "a : b",
  '"a b"',
  '"a',
  '"a" b',
  "$x",
  "a # b",
  'a "b"',
  '"\\n\\x41\\101"',
  "a \\\n  b",
  "a\\\n# no\n b",
];

/** Read by functions of their own in Exim, or not in every build. */
const LEFT_OUT =
  /^(log_selector|syslog_facility|sqlite_lock_timeout|tls_dh_max_bits|openssl_options|localhost_number|smtp_ratelimit_|exim_|never_users|trusted_|admin_groups|system_filter_(user|group)|primary_hostname|timezone|spool_directory|message_size_limit|smtp_accept_max_per_host|recipients_max|queue_run_max|smtp_accept_max_per_connection|keep_environment|bounce_return_size_limit|local_interfaces|uucp_|gecos_|callout_random|process_log_path|log_file_path|pid_file_path|dns_check_names|hosts_proxy|add_environment|perl_|tls_dhparam)/;

/** Pieces of ACLs that every build knows. */
const aclLines = [
  "accept",
  "deny hosts = a : b",
  "require verify = recipient",
  "warn message = x",
  "drop",
  "defer !domains = +x",
  "discard endpass",
  "accept endpass",
  "deny endpass",
  "  hosts = *",
  "  ! senders = a@b",
  "  !!senders = a",
  "  message = a # b",
  "  !message = a",
  "  log_message",
  "  condition = ${if eq{a}{b}}",
  "  set acl_m_x = 1",
  "  set acl_c0 = 2",
  "  set acl_x = 1",
  "  set acl_mx = 1",
  "  set acl_m_x",
  "  control = freeze",
  "  !control = freeze",
  "  acceptt",
  "  host = x",
  "  delay = 5s",
  "  ratelimit = 1 / 1h",
  "  logwrite = x",
  "  add_header = X: y",
  "other:",
  "# comment",
  "  endpass = x",
  "  demime = *",
];

const drivers: Readonly<Record<string, { readonly heads: readonly string[]; readonly lines: readonly string[] }>> = {
  routers: {
    heads: [
      "driver = redirect\n  data = x",
      "driver = accept\n  transport = t",
      "driver = accept",
      "driver = dnslookup\n  transport = t",
      "driver = manualroute\n  route_list = a b\n  transport = t",
      "driver = manualroute",
      "driver = redirect",
      "data = x\n  driver = redirect",
      "driver = nix",
    ],
    lines: [
      "domains = +local",
      "more = $x",
      "more = perhaps",
      "no_more",
      "unseen = yes no",
      "self = send",
      "self = perhaps",
      "pass_router = last",
      "pass_router = first",
      "redirect_router = first",
      "redirect_router = nowhere",
      "condition = a\n  condition = b",
      "headers_add = a\n  headers_add = b",
      "errors_to = a\n  errors_to = b",
      "check_local_user",
      "retry_use_local_part = maybe",
      "local_part_suffix = -*",
      "data = y",
      "file = /y",
      "route_data = y",
      "allow_fail",
      "one_time\n  unseen",
      "verify = false\n  verify_sender",
      "no_verify = true",
      "debug_print = x",
      "require_files = /x",
      "nix = y",
      "host_find_failed = defer",
      "host_find_failed = nix",
      "modemask = 8",
      "qualify_preserve_domain\n  qualify_domain = x",
    ],
  },
  transports: {
    heads: [
      "driver = smtp",
      "driver = appendfile\n  file = /x",
      "driver = appendfile\n  directory = /x\n  maildir_format",
      "driver = pipe\n  command = /x",
      "driver = lmtp\n  command = /x",
      "driver = lmtp",
      "driver = autoreply",
      "command = /x\n  driver = pipe",
    ],
    lines: [
      "hosts = a : b",
      "hosts_max_try = 5",
      "hosts_max_try = x",
      "final_timeout = 5m",
      "final_timeout = 5",
      "mode = 0660",
      "mode = 9",
      "directory = /y",
      "mailstore_format",
      "no_use_lockfile\n  no_use_fcntl_lock",
      "create_file = inhome",
      "create_file = nix",
      "temp_errors = *",
      "temp_errors = 1:x",
      "return_output\n  return_fail_output",
      "restrict_to_path\n  use_shell",
      "socket = /y",
      "body_only\n  headers_only",
      "headers_rewrite = *@a b f",
      "headers_rewrite = *@a b F",
      "headers_rewrite = *@a",
      "headers_add = a\n  headers_add = b",
      "max_output = 2K",
      "once_file_size = 3K",
      "file_expand = maybe",
      "user = root",
      "umask = 077",
      "dkim_domain = x",
      "delivery_date_add",
    ],
  },
  authenticators: {
    heads: [
      "driver = plaintext\n  public_name = PLAIN",
      "driver = cram_md5\n  public_name = CRAM-MD5",
      "public_name = X",
      "driver = plaintext",
    ],
    lines: [
      "server_condition = yes",
      "server_prompts = a : b",
      "client_send = x",
      "client_secret = x",
      "server_secret = x",
      "server_set_id = $auth1",
      "client_ignore_invalid_base64 = maybe",
      "nix",
    ],
  },
};

const retryPatterns = ["*", "*@a.test", '"a b"', "a.test"];
const retryErrors = [
  "*",
  "quota",
  "quota_7d",
  "quota_x",
  "rcpt_4xx",
  "rcpt_45x",
  "rcpt_4x5",
  "timeout_connect_MX",
  "timeout_X",
  "refused_A",
  "lookup",
  "nix",
  "TLS_required",
  "",
];
const retrySenders = ["", "", "senders=a@b ", "senders = a ", "senders a "];
const retrySteps = [
  "F,1h,5m",
  "F,1h,5m;",
  "G,1h,5m,1.5",
  "G,1h,5m",
  "H,2h,1h,1",
  "F,1h",
  "F,1h,5m,2",
  "F, 1h, 5m ; G,2h,1h,2",
  "F ,1h,5m",
  "X,1h,1m",
  "G,1h,5m,0.5",
  "F,1h,0s",
  "",
];
const rewriteRules = [
  "*@a b@c",
  "*@a b@c Ffs",
  "*@a",
  "*@a b@c xyz",
  '"a b" "c d" hQ',
  "^a b S",
  "a b S",
  "*@a * w",
  "*@a b q R",
  '*@a "b',
];

const macroLines = [
  "AA = one",
  "AA == AA two",
  "AA = again",
  "AAB = x",
  "BB = AA",
  "BB == x",
  "CC =",
  "AA += x",
  "helo_allow_chars = AA BB",
  "uucp_from_sender = xAAx",
  ".ifdef AA",
  ".ifndef BB",
  ".elifdef CC",
  ".else",
  ".endif",
  ".ifdef",
  ".include_if_exists /nowhere/at/all",
  ".include_if_exists nowhere",
  "domainlist d1 = a : AA",
  "domainlist d1 = b",
  'hostlist d1 = "a"',
  "hostlist d2",
  "addresslist d-3 = x",
  "hide localpartlist p = x",
  "domainlist_cache q = x",
  "A-B = x",
  "nix = y",
  "no_such",
  "  # comment",
];

/**
 * Small configurations about which Exim and the reader must agree: each takes it or refuses it.
 *
 * @param known The main options of the build that is asked.
 */
export function randomSnippet(random: Random, known: ReadonlySet<string>): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const some = (from: readonly string[], max: number): string[] =>
    Array.from({ length: 1 + Math.floor(random() * max) }, () => pick(from));
  const kind = Math.floor(random() * 8);
  if (kind === 0) return some(macroLines, 5).join("\n");
  if (kind === 1 || kind === 2)
    return some(["x"], 2)
      .map(() => optionLine(pick, random, known))
      .join("\n");
  if (kind === 3) return `begin acl\nx:\n${some(aclLines, 4).join("\n")}`;
  if (kind === 4)
    return `begin retry\n${pick(retryPatterns)} ${pick(retryErrors)} ${pick(retrySenders)}${pick(retrySteps)}`;
  if (kind === 5) return `begin rewrite\n${some(rewriteRules, 2).join("\n")}`;
  const section = pick(Object.keys(drivers));
  const { heads, lines } = drivers[section] ?? { heads: [], lines: [] };
  const last = section === "routers" ? "\nlast:\n  driver = accept\n  verify_only" : "";
  return `begin ${section}\nfirst:\n  ${pick(heads)}\n  ${some(lines, 2).join("\n  ")}${last}`;
}

/** Main options that are meant to be the same in both. */
const comparable = Object.entries(mainOptions).filter(
  ([name, { status }]) => (status.kind === "supported" || status.kind === "ignored") && !LEFT_OUT.test(name),
);

function optionLine(pick: <T>(from: readonly T[]) => T, random: Random, known: ReadonlySet<string>): string {
  const [name, option] = pick(comparable.filter(([one]) => known.has(one)));
  const value = pick(values[option.type] ?? texts);
  const shape = random();
  if (shape < 0.1) return name;
  if (shape < 0.2) return `no_${name}`;
  if (shape < 0.25) return `hide ${name} = ${value}`;
  if (shape < 0.3) return `${name} ${value}`;
  if (shape < 0.33) return `no_${name} = ${value}`;
  return `${name} = ${value}`;
}
