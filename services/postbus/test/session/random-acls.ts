/** A number below `below`, the next of a series that a seed decides. */
export type Random = (below: number) => number;

/** One generated policy with a session to try it by. */
export interface RandomCase {
  /** From the main options on; names of files and ports are not in it. */
  readonly config: string;
  readonly input: readonly string[];
}

type Stage = "connect" | "helo" | "mail" | "rcpt" | "predata" | "data" | "vrfy" | "quit";

const VERBS = ["accept", "deny", "defer", "drop", "discard", "require", "warn"] as const;
const LOCAL_PARTS = ["a", "b", "c", "Dd", "e.f", "gone", "later", "sales"] as const;

/** Texts of `message`: plain, with codes, variables, many lines, and such that cannot be expanded. */
const MESSAGES = [
  "plain text",
  "550 own code",
  "451 other code",
  "421 go away",
  "250 fine",
  "554 5.7.1 with status",
  "550-not a code",
  "two\\nlines",
  "$acl_verify_message|$local_part|$sender_address",
  "${if eq{$local_part}{a}{is a}fail}",
  "${if eq{$local_part}{b}{is b}{}}",
  "${nosuch:x}",
  "m=$acl_m_x c=$acl_c_y n=$acl_narg 1=$acl_arg1",
  '"quoted"',
  "a text that goes on and on: it has many words, so that it has to be split: behind a colon if there is one in the right place, or else at a blank",
  "averyveryverylongword_averyveryverylongword_averyveryverylongword_averyveryverylongword and more",
] as const;

const CONDITIONS: Readonly<Record<"any" | "envelope" | "rcpt" | "data", readonly string[]>> = {
  any: [
    "condition = 1",
    "condition = 0",
    "condition = yes",
    "condition = False",
    "condition =",
    "condition = 007",
    "condition = maybe",
    "condition = ${if eq{1}{2}{yes}fail}",
    "condition = ${nosuch:x}",
    "condition = ${if eq{$acl_m_x}{v1}}",
    "condition = ${if match{$sender_host_address}{^198}}",
    "hosts = 198.51.100.0/24",
    "hosts = !198.51.100.20 : *",
    "hosts = 10.0.0.0/8 : 192.0.2/24 : 198.51.100.20",
    "hosts = +ignore_unknown : 192.0.2/24 : 198.51.100.20",
    "hosts = +trusted",
    "hosts = +unknown_list",
    "hosts = ${if eq{1}{2}{*}fail}",
    "acl = sub_accept",
    "acl = sub_deny x",
    "acl = sub_drop",
    "acl = sub_defer",
    "acl = sub_discard",
    'acl = sub_args $sender_host_address "two words"',
    "acl = sub_deep",
    "acl = nosuch_acl",
    "verify = certificate",
    "seen = x",
    "ratelimit = x / 1h",
    "ratelimit = 0 / 1h / strict / per_cmd / $local_part",
    "ratelimit = 3 / 1h / strict / per_cmd / k",
    "ratelimit = 3 / 1h / leaky / per_conn / l",
    "ratelimit = 2 / 1h / strict / per_rcpt / m",
    "ratelimit = 2 / 1h / per_mail / n",
    "ratelimit = 2 / 1h / readonly / per_rcpt / m",
    "ratelimit = 1 / 0s",
    "ratelimit = 1 / 1h / leaky / strict",
  ],
  envelope: [
    "senders = anna@out.example",
    "senders = :",
    "senders = *@out.example : !b@c",
    "senders = ^.*@OUT",
    "sender_domains = out.example",
    "sender_domains = *.example",
    "authenticated = *",
    "encrypted = *",
  ],
  rcpt: [
    "local_parts = a",
    "local_parts = a : b",
    "local_parts = !a",
    "local_parts = ^[a-c]$",
    "local_parts = +some_parts",
    "local_parts = +caseful : Dd",
    "local_parts = dd",
    "domains = shop.example",
    "domains = +local_domains",
    "domains = !+local_domains",
    "domains = +nosuch",
    "domains = *.example",
    "domains = ${if eq{$local_part}{a}{*}fail}",
    "recipients = a@shop.example : b@else.example",
    "recipients = *@shop.example",
    "verify = recipient",
    "verify = recipient/defer_ok",
    "verify = recipient/nonsense",
    "verify = sender",
    "verify = sender/no_details",
    "verify = sender=gone@shop.example",
    "verify = sender=a@shop.example/defer_ok",
    "condition = ${if eq{$address_data}{data-for-a}}",
    "condition = ${if def:recipient_verify_failure}",
  ],
  data: [
    "verify = header_syntax",
    "verify = not_blind",
    "condition = ${if def:h_Subject:}",
    "verify = header_names_ascii",
  ],
};

const MODIFIERS = [
  "set acl_m_x = v1",
  "set acl_m_x = $acl_m_x+",
  "set acl_c_y = $local_part",
  "set acl_c_y = ${if eq{1}{2}{x}fail}",
  "set acl_m_x = ${nosuch:x}",
  "logwrite = here $local_part",
  "continue = $acl_m_x",
  "add_header = X-A: b",
  "remove_header = x-b",
  "control = caseful_local_part",
  "control = fakereject/told no",
  "control = fakedefer",
  "control = freeze",
  "control = no_pipelining",
  "control = submission/domain=",
  "delay = 0s",
  "delay = nonsense",
  "log_reject_target =",
  "log_message = logged $acl_verify_message",
] as const;

const SUBS = `
sub_accept:
  accept message = sub accept message
sub_deny:
  deny message = sub deny $acl_arg1
sub_drop:
  drop message = sub drop
sub_defer:
  defer message = sub defer
sub_discard:
  discard message = sub discard
sub_args:
  accept condition = \${if eq{$acl_narg}{2}}
         set acl_m_x = $acl_arg2
         message = args $acl_arg1 $acl_arg2
  deny   message = wrong number $acl_narg
sub_deep:
  warn   acl = sub_args one
  accept acl = sub_args 1 2
`;

const ROUTERS = `
begin routers
fail_user:
  driver = redirect
  domains = +local_domains
  local_parts = gone
  allow_fail
  data = :fail: This user left
defer_user:
  driver = redirect
  domains = +local_domains
  local_parts = later
  allow_defer
  data = :defer: Try again soon
alias_user:
  driver = redirect
  domains = +local_domains
  local_parts = sales
  data = b@shop.example
users:
  driver = accept
  domains = +local_domains
  local_parts = a : b : dd
  address_data = data-for-$local_part
  transport = drop
begin transports
drop:
  driver = appendfile
  file = /dev/null
`;

const INPUT: readonly string[] = [
  "EHLO client.example",
  "MAIL FROM:<anna@out.example>",
  ...LOCAL_PARTS.map((part) => `RCPT TO:<${part}@shop.example>`),
  "RCPT TO:<a@else.example>",
  'RCPT TO:<"b"@shop.example>',
  "VRFY a@shop.example",
  "DATA",
  "From: anna@out.example",
  "To: a@shop.example",
  "Subject: test",
  "",
  "text",
  ".",
  "RSET",
  "MAIL FROM:<gone@shop.example>",
  "RCPT TO:<b@shop.example>",
  "RCPT TO:<a@shop.example>",
  "RCPT TO:<a@shop.example>",
  "DATA",
  "Received: from x by y; Mon, 6 May 2024 10:00:00 +0000",
  "",
  ".",
  "HELO again.example",
  "MAIL FROM:<>",
  "RCPT TO:<b@else.example>",
  "QUIT",
];

/** A session that goes wrong goes on, so that there is more to compare. */
const PATIENT = "smtp_max_unknown_commands = 100\nsmtp_max_synprot_errors = 100\n";

/** A policy with an ACL for RCPT, and for some of the other stages. */
export function randomCase(random: Random): RandomCase {
  const stages: Stage[] = ["rcpt"];
  for (const stage of ["connect", "helo", "mail", "predata", "data", "vrfy", "quit"] as const) {
    if (random(10) < (stage === "data" ? 6 : 2)) stages.push(stage);
  }
  const options = stages.map((stage) => `acl_smtp_${stage} = acl_${stage}\n`).join("");
  const acls = stages.map((stage) => `acl_${stage}:\n${statements(stage, random)}`).join("");
  const config =
    "domainlist local_domains = shop.example\nlocalpartlist some_parts = a : e.f\n" +
    `hostlist trusted = 198.51.100.20\n${random(5) === 0 ? "" : PATIENT}${options}begin acl\n${acls}${SUBS}${ROUTERS}`;
  return { config, input: INPUT };
}

function statements(stage: Stage, random: Random): string {
  const isEarly = stage === "connect" || stage === "helo";
  const count = 1 + random(4);
  const lines = Array.from({ length: count }, () => statement(stage, random));
  // Most policies accept in the end; else little is seen of what comes after.
  return lines.join("") + (random(10) < (isEarly ? 9 : 7) ? "  accept\n" : "");
}

function statement(stage: Stage, random: Random): string {
  const verb = pick(VERBS, random);
  const items: string[] = [];
  const count = random(5);
  for (let i = 0; i < count; i++) items.push(item(stage, verb, random));
  return `  ${verb}${items.map((one) => ` ${one}\n    `).join("")}\n`.replace(/\n {4}(?=\n)/g, "");
}

function item(stage: Stage, verb: string, random: Random): string {
  const kind = random(10);
  if (kind === 0 && (verb === "accept" || verb === "discard")) return "endpass";
  if (kind < 3) return `message = ${pick(MESSAGES, random)}`;
  if (kind === 3) return pick(MODIFIERS, random);
  const negation = random(5) === 0 ? "!" : "";
  return `${negation}${pick(conditionsOf(stage, random), random)}`;
}

/** Now and then a condition that must not be used here. */
function conditionsOf(stage: Stage, random: Random): readonly string[] {
  if (random(3) === 0) return CONDITIONS.any;
  if (random(25) === 0) return CONDITIONS[pick(["envelope", "rcpt", "data"] as const, random)];
  switch (stage) {
    case "rcpt":
      return random(4) === 0 ? CONDITIONS.envelope : CONDITIONS.rcpt;
    case "data":
      return CONDITIONS.data;
    case "mail":
    case "predata":
      return CONDITIONS.envelope;
    default:
      return CONDITIONS.any;
  }
}

const pick = <T>(from: readonly T[], random: Random): T => from[random(from.length)] ?? (from[0] as T);
