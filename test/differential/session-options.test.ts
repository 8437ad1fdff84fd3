// One file because each option is a row of one table, tried with one pair of servers.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, startExim } from "@postbus/testkit";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

const RATES = [
  "per_conn",
  "per_mail",
  "per_rcpt",
  "per_cmd",
  "per_byte",
  "per_addr",
  "per_rcpt / strict",
  "per_mail / strict",
  "per_conn/strict",
  "per_mail/ readonly",
  "per_rcpt/noupdate",
  "per_mail / count=3",
  "per_rcpt / count=2 / strict",
  "per_mail/unique=$local_part",
  "per_rcpt/unique=$local_part/strict",
  "per_addr/strict",
  "per_cmd/leaky",
  "per_cmd/ strict / a/b",
  "strict/per_mail/noupdate",
  "per_mail/per_rcpt",
  "strict/leaky",
  "count=x",
  "per_rcpt/count=0/strict",
  "leaky/strict",
  "nonsense",
];
const STAGE_OF_RATES = ["m", "r", "p", "d", "v", "q"];

const rateStatement =
  (stage: string) =>
  (mode: string, i: number): string =>
    `  deny condition = \${if eq{$sender_helo_name}{n${i}}}
       ratelimit = 2.5 / 1h / ${mode} / k${i}${stage}
       message = over $sender_rate of $sender_rate_limit in $sender_rate_period
  accept condition = \${if eq{$sender_helo_name}{n${i}}}
       message = under <$sender_rate> <$sender_rate_limit> <$sender_rate_period>
`;

const rateSession = (name: string): string[] => [
  `EHLO ${name}`,
  ...[1, 2].flatMap(() => [
    "MAIL FROM:<a@b.test> SIZE=2",
    "RCPT TO:<a@b.test>",
    "RCPT TO:<b@b.test>",
    "RCPT TO:<a@b.test>",
    "VRFY a@b.test",
    "DATA",
    "Subject: x\n\ntext\n.",
    "RSET",
  ]),
  "QUIT",
];

interface Case {
  readonly name: string;
  /** Lines of the main section. */
  readonly main: string;
  /** Named by the first letters of their stages; for RCPT, everything is accepted where there is none. */
  readonly acls?: string;
  /** What clients say, one command after the other. */
  readonly sessions: readonly (readonly string[])[];
  /** Where we say something else on purpose. */
  readonly otherwise?: Readonly<Record<string, string>>;
}

const ENVELOPE = ["MAIL FROM:<a@b.test>", "RCPT TO:<c@b.test>"];
const withReceived = (count: number): string[] => [
  ...ENVELOPE,
  "DATA",
  `${"Received: from a by b; Mon, 6 May 2024 10:00:00 +0000\n".repeat(count)}Subject: x\n\ntext\n.`,
];
const SHOWN = "m:\n  accept message = <$sender_address>\nr:\n  accept message = <$local_part@$domain>";

const CASES: readonly Case[] = [
  {
    name: "smtp_max_unknown_commands",
    main: "smtp_max_unknown_commands = 2",
    sessions: [
      ["X", "Y a", "Z"],
      ["EHLO x", "X", "MAIL FROM:<a@b.test>", "Y", "RCPT TO:<c@b.test>", "Z"],
    ],
  },
  { name: "smtp_max_unknown_commands = 0", main: "smtp_max_unknown_commands = 0", sessions: [["X"]] },
  {
    name: "smtp_max_synprot_errors",
    main: "smtp_max_synprot_errors = 1",
    sessions: [
      ["EHLO x", "MAIL FROM:", "MAIL FROM:<a@b.test>", "RCPT TO:<", "NOOP"],
      ["EHLO x", "RCPT TO:<a@b.test>", "DATA", "NOOP"],
      ["EHLO", "EHLO ", "NOOP"],
      ["EHLO x", "MAIL FROM:<a@b.test> FOO=1", "MAIL FROM:<a@b.test> BODY=9BIT", "NOOP"],
      ["EHLO x", "MAIL FROM:<a@b.test>", "MAIL FROM:<a@b.test>", "DATA", "DATA", "NOOP"],
      ["EHLO x", "AUTH PLAIN", "AUTH", "STARTTLS", "STARTTLS", "BDAT", "BDAT x", "NOOP"],
      ["EHLO x", "VRFY", "EXPN", "ETRN", "NOOP", "RSET x", "QUIT x"],
    ],
    // RFC 5321 §4.1.1.11
    otherwise: { "501 <a@b.test> FOO=1: …": "555 parameter FOO not recognized" },
  },
  { name: "smtp_max_synprot_errors = 0", main: "smtp_max_synprot_errors = 0", sessions: [["EHLO x", "MAIL FROM:"]] },
  {
    name: "smtp_accept_max_nonmail",
    main: "smtp_accept_max_nonmail = 3",
    sessions: [
      ["EHLO x", "NOOP", "RSET", "NOOP", "NOOP", "NOOP"],
      ["EHLO x", "NOOP", ...ENVELOPE, "RSET", "NOOP", "NOOP", "NOOP"],
      ["EHLO x", "EHLO y", "HELO z", "EHLO x", "EHLO x", "EHLO x"],
      ["EHLO x", "VRFY a", "EXPN b", "HELP", "X", "NOOP", "NOOP"],
      ["NOOP", "NOOP", "NOOP", "NOOP", "NOOP"],
    ],
  },
  {
    name: "smtp_accept_max_nonmail_hosts",
    main: "smtp_accept_max_nonmail = 1\nsmtp_accept_max_nonmail_hosts = !127.0.0.1",
    sessions: [["EHLO x", "NOOP", "NOOP", "NOOP", "NOOP", "QUIT"]],
  },
  {
    name: "smtp_enforce_sync without PIPELINING",
    main: "pipelining_advertise_hosts = !*",
    sessions: [
      ["EHLO x\nNOOP\nNOOP"],
      ["HELO x\nMAIL FROM:<a@b.test>"],
      ["EHLO x", "MAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>"],
      ["EHLO x", ...ENVELOPE, "NOOP\nQUIT"],
    ],
  },
  {
    name: "smtp_enforce_sync with PIPELINING",
    main: "",
    sessions: [
      ["EHLO x\nNOOP"],
      ["HELO x\nMAIL FROM:<a@b.test>"],
      ["HELO x", "MAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>"],
      ["EHLO x", ...ENVELOPE, "NOOP\nNOOP"],
      ["EHLO x", `${ENVELOPE.join("\n")}\nDATA\nSubject: x\n\n.`],
      ["EHLO x", `RSET\n${ENVELOPE.join("\n")}\nRSET\nMAIL FROM:<a@b.test>\nQUIT\nNOOP`],
      ["EHLO x", ...ENVELOPE, "VRFY a@b.test\nNOOP"],
    ],
  },
  {
    name: "smtp_enforce_sync = false",
    main: "smtp_enforce_sync = false\npipelining_advertise_hosts = !*",
    sessions: [[`EHLO x\n${ENVELOPE.join("\n")}\nDATA\nSubject: x\n\n.`, "QUIT"]],
  },
  {
    // Exim takes the message and returns it; we can still refuse it.
    name: "received_headers_max, ours counted",
    main: "received_headers_max = 2",
    sessions: [
      ["EHLO x", ...withReceived(0), ...withReceived(1), "QUIT"],
      ["EHLO x", ...ENVELOPE, "DATA", "received : a\nX-Received: b\n\nReceived: c\nReceived: d\n.", "QUIT"],
    ],
  },
  {
    name: "names in HELO",
    main: "",
    sessions: [
      ["EHLO a_b.test", "EHLO a.test", "HELO a_b", "EHLO x y"],
      ["EHLO [127.0.0.1]", ...ENVELOPE, "QUIT"],
      ["EHLO [1.2.3]", "EHLO [IPv6:::1]", "EHLO [::1]", "HELO [127.0.0.1", "HELO [127.0.0.1]x"],
      ["EHLO -a", "EHLO a-", "EHLO a..b", "EHLO .a", "EHLO a."],
      ["EHLO \xe9.test", "EHLO a/b", "EHLO 127.0.0.1", "EHLO IPv6:::1", "EHLO ::1", "EHLO a@b"],
    ],
  },
  {
    name: "helo_allow_chars",
    main: "helo_allow_chars = _/",
    sessions: [["EHLO a_b.test", "EHLO a/b", "EHLO a b", "EHLO a?b", "QUIT"]],
  },
  {
    name: "helo_accept_junk_hosts",
    main: "helo_accept_junk_hosts = 127.0.0.1",
    acls: "h:\n  accept message = <$sender_helo_name> ok",
    sessions: [
      ["EHLO a_b", "EHLO a b", "EHLO", "EHLO  ", "HELO \xe9", "HELO [1.2.3]", "QUIT"],
      ["EHLO   two", "ehlo x", "QUIT"],
      ["MAIL FROM:<a@b.test>", "HELO", ...ENVELOPE, "QUIT"],
    ],
  },
  {
    name: "helo_verify_hosts",
    main: "helo_verify_hosts = *",
    sessions: [
      ["EHLO nowhere.invalid", "MAIL FROM:<a@b.test>", "EHLO [127.0.0.1]", "MAIL FROM:<a@b.test>", "QUIT"],
      ["HELO [127.0.0.2]", "HELO localhost", "MAIL FROM:<a@b.test>", "QUIT"],
    ],
  },
  {
    name: "helo_try_verify_hosts",
    main: "helo_try_verify_hosts = *",
    acls: "r:\n  accept verify = helo\n  message = verified $sender_helo_verified\n  accept message = not so",
    sessions: [
      ["EHLO nowhere.invalid", ...ENVELOPE, "EHLO [127.0.0.1]", ...ENVELOPE, "QUIT"],
      ["HELO [127.0.0.2]", ...ENVELOPE, "HELO localhost", ...ENVELOPE, "QUIT"],
    ],
  },
  {
    name: "helo_lookup_domains",
    main: "helo_lookup_domains = look.test : @ : @[]",
    acls: "r:\n  accept message = <$sender_host_name> $sender_fullhost",
    sessions: ["look.test", "other.test", "mx.test", "[127.0.0.1]", "localhost"].map((name) => [
      `EHLO ${name}`,
      ...ENVELOPE,
      "QUIT",
    ]),
  },
  ...["", "strip_excess_angle_brackets", "strip_trailing_dot", "strip_excess_angle_brackets\nstrip_trailing_dot"].map(
    (main) => ({
      name: main === "" ? "no strip_…" : main.replace("\n", ", "),
      main: `${main}\nsmtp_max_synprot_errors = 100`,
      acls: SHOWN,
      sessions: [
        [
          "EHLO x",
          ...[
            "<<a@b.test>>",
            "<<<a@b.test>>",
            "<<a@b.test>>>",
            "<<>>",
            "<a@b.test.>",
            "a@b.test.",
            "<a@b.test..>",
          ].flatMap((path) => [`MAIL FROM:${path}`, "RSET"]),
          "MAIL FROM: <a@b.test>SIZE=3 ",
          "QUIT",
        ],
        [
          "EHLO x",
          "MAIL FROM:<>",
          ...["<<a@b.test>>", "<<a@b.test>", "<a@b.test.>", "a@b.test", "<a@b.test..>", "<@c.test:a@b.test.>"],
          ...["<postmaster>", "<Postmaster.>", "<a>", '<"a b"@b.test.>', "<a@.>"],
          "QUIT",
        ].map((text) => (/^[A-Z]/.test(text) ? text : `RCPT TO:${text}`)),
      ],
    }),
  ),
  ...["allow_domain_literals", "allow_domain_literals = false"].map((main) => ({
    name: main,
    main: `${main}\nsmtp_max_synprot_errors = 100`,
    acls: SHOWN,
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@[127.0.0.1]>",
        "RSET",
        "MAIL FROM:<>",
        ...["[127.0.0.1]", "[IPv6:::1]", "[1.2.3.4", "[x]", "127.0.0.1"].map((domain) => `RCPT TO:<a@${domain}>`),
        "QUIT",
      ],
    ],
  })),
  {
    name: "recipients_max",
    main: "recipients_max = 2",
    sessions: ["DATA", "BDAT 0 LAST"].map((last) => [
      "EHLO x",
      "MAIL FROM:<a@b.test>",
      ...["a", "b", "c", "d"].map((name) => `RCPT TO:<${name}@b.test>`),
      last,
      ...(last === "DATA" ? ["Subject: x\n\n."] : []),
      "QUIT",
    ]),
  },
  {
    name: "recipients_max_reject",
    main: "recipients_max = 2\nrecipients_max_reject",
    acls: "r:\n  deny local_parts = no\n  accept",
    sessions: [
      [["a", "b", "c", "d"], "DATA", "NOOP", "MAIL FROM:<a@b.test>", "RSET", ...ENVELOPE, "DATA", "Subject: x\n\n."],
      [["a", "no", "c"], "DATA", "NOOP"],
      [["a", "b", "c"], "BDAT 0 LAST", "NOOP"],
      [["a", "b", "c"], "BDAT 0", "BDAT 0 LAST", "NOOP"],
      [["a", "b", "c"], "BDAT 0", "RSET", ...ENVELOPE, "BDAT 0 LAST"],
    ].map(([names = [], ...rest]) => [
      "EHLO x",
      ["MAIL FROM:<a@b.test>", ...[...names].map((name) => `RCPT TO:<${name}@b.test>`)].join("\n"),
      ...rest.map(String),
      "QUIT",
    ]),
  },
  ...["smtp_return_error_details", "smtp_return_error_details = false"].map((main) => ({
    name: main,
    main,
    acls: "r:\n  deny !verify = sender\n  deny !verify = recipient\n  accept",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        ...["fail", "later", "broken", "c"].map((name) => `RCPT TO:<${name}@b.test>`),
        "QUIT",
      ],
      ["EHLO x", "MAIL FROM:<broken@b.test>", "RCPT TO:<c@b.test>", "RCPT TO:<c@b.test>", "QUIT"],
      ["EHLO x", "MAIL FROM:<fail@b.test>", "RCPT TO:<c@b.test>", "RCPT TO:<c@b.test>", "QUIT"],
    ],
  })),
  {
    name: "smtp_ratelimit_hosts, …_mail, …_rcpt: who has to wait is answered as others are",
    main: "smtp_ratelimit_hosts = *\nsmtp_ratelimit_mail = 1,0.2s,2,1s\nsmtp_ratelimit_rcpt = 1,0.2s,2,1s",
    sessions: [["EHLO x", ...ENVELOPE, "RCPT TO:<a@b.test>", "RSET", "MAIL FROM:<a@b.test>", "QUIT"]],
  },
  {
    name: "ratelimit",
    main: "",
    // HELO says which of the limits is meant.
    acls: `${STAGE_OF_RATES.map((stage) => `${stage}:\n${RATES.map(rateStatement(stage)).join("")}  accept\n`).join("")}`,
    sessions: RATES.flatMap((_, i) => [rateSession(`n${i}`), rateSession(`n${i}`)]),
  },
];

const STAGES = { c: "connect", h: "helo", m: "mail", r: "rcpt", p: "predata", d: "data", v: "vrfy", q: "quit" };
// Who may speak before the greeting is asked less strictly by Exim about what it may send ahead before MAIL.
const MAIN = `primary_hostname = mx.test
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
pipelining_connect_advertise_hosts =
`;
const SECTIONS = `
begin routers
fail:
  driver = redirect
  local_parts = fail
  allow_fail
  data = :fail: no such user
later:
  driver = redirect
  local_parts = later
  allow_defer
  data = :defer: come again
broken:
  driver = redirect
  local_parts = broken
  data = \${lookup{x}lsearch{/nonexistent/file}}
all:
  driver = redirect
  data = :blackhole:
`;

/** Without what may differ: status codes, ids, extensions, the time, and in whose words it is said what is wrong with an address. */
const comparable = (reply: string): string =>
  reply
    .replace(/^(\d{3}[ -])\d\.\d{1,3}\.\d{1,3} /, "$1")
    .replace(/ id=\S+/, " id=ID")
    .replace(/^(501.+?: ).*/, "$1…")
    .replace(/^214 .*/, "214")
    .replace(/^220 .*/, "220")
    .replace(/^(250) (?:HELP|SMTPUTF8|.*Hello).*/, "$1");

describe("options about sessions: answers as from a real Exim", () => {
  for (const { name, main, acls = "", sessions, otherwise = {} } of CASES) {
    test(name, async (t) => {
      if (needs(t, "exim-4.98") === undefined) return;
      const used = [...`r:\n\n${acls}`.matchAll(/^(\w):$/gm)].map(([, short = ""]) => short);
      const options = [...new Set(used)].map((short) => `acl_smtp_${STAGES[short as "r"]} = ${short}\n`).join("");
      const own = acls.includes("r:\n") ? acls : `r:\n  accept\n${acls}`;
      const config = `${MAIN}${main}\n${options}begin acl\n${own}\n${SECTIONS}`;
      const directory = await temporaryDirectory(t, "exim");
      const exim = await startExim("exim-4.98", config, { port: await freePort(), directory });
      t.after(() => exim.stop());
      const file = join(await temporaryDirectory(t, "policy"), "p.conf");
      await writeFile(file, `daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n${config}`);
      const { postbus } = await runningPostbus(t, "--config", file);
      for (const lines of sessions) {
        const want = (await runScript(exim.port, lines))
          .map(comparable)
          // To a client that is gone.
          .filter((line) => !/^421 .* lost input/.test(line))
          .map((line) => otherwise[line] ?? line);
        const said = (await runScript(postbus.port("smtp"), lines)).map(comparable);
        assert.deepEqual(said, want, lines.join("\n"));
      }
    });
  }
});
