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
const MEASURES = ["per_conn", "per_mail", "per_rcpt", "per_cmd", "per_byte", "per_addr"].flatMap((measure) => [
  `strict/${measure}`,
  `${measure}/readonly`,
]);

/** @param key That of Exim has no address in it. */
const rateStatement =
  (limit: string, _key: string, stage = "r") =>
  (mode: string, i: number): string =>
    `  deny condition = \${if eq{$sender_helo_name}{n${i}}}
       ratelimit = ${limit} / 1h / ${mode} / k${i}${stage}
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

const CASES: readonly { name: string; main: string; acls?: string; sessions: readonly (readonly string[])[] }[] = [
  {
    name: "smtp_max_unknown_commands",
    main: "smtp_max_unknown_commands = 2",
    sessions: [
      ["X", "Y a", "Z"],
      ["EHLO x", "X", "MAIL FROM:<a@b.test>", "Y", "RCPT TO:<c@b.test>", "Z"],
      ["X\nY\nZ\nNOOP"],
    ],
  },
  {
    name: "smtp_max_unknown_commands = 0",
    main: "smtp_max_unknown_commands = 0",
    sessions: [["X", "Y a", "Z"]],
  },
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
      ["EHLO x", "VRFY", "EXPN", "ETRN", "HELP", "HELP x", "NOOP", "RSET x", "QUIT x"],
    ],
  },
  {
    name: "smtp_max_synprot_errors = 0",
    main: "smtp_max_synprot_errors = 0",
    sessions: [["EHLO x", "MAIL FROM:", "MAIL FROM:<a@b.test>"]],
  },
  {
    name: "smtp_accept_max_nonmail",
    main: "smtp_accept_max_nonmail = 3",
    sessions: [
      ["EHLO x", "NOOP", "RSET", "NOOP", "NOOP", "NOOP"],
      ["EHLO x", "NOOP", "MAIL FROM:<a@b.test>", "RCPT TO:<c@b.test>", "RSET", "NOOP", "NOOP", "NOOP"],
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
    name: "smtp_enforce_sync",
    main: "pipelining_advertise_hosts = !*",
    sessions: [
      ["EHLO x\nNOOP\nNOOP"],
      ["HELO x\nMAIL FROM:<a@b.test>"],
      ["EHLO x", "MAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>"],
      ["EHLO x", "NOOP\nQUIT"],
    ],
  },
  {
    name: "smtp_enforce_sync with PIPELINING",
    main: "pipelining_advertise_hosts = *",
    sessions: [
      ["EHLO x\nNOOP"],
      ["HELO x\nMAIL FROM:<a@b.test>"],
      ["HELO x", "MAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>"],
      ["EHLO x", "NOOP\nNOOP"],
      ["EHLO x", "MAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>\nDATA\nSubject: x\n\n.", "QUIT"],
      ["EHLO x", "RSET\nMAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>\nRSET\nMAIL FROM:<a@b.test>\nQUIT\nNOOP"],
      ["EHLO x", "VRFY a@b.test\nNOOP"],
    ],
  },
  {
    name: "smtp_enforce_sync = false",
    main: "smtp_enforce_sync = false\npipelining_advertise_hosts = !*",
    sessions: [["EHLO x\nMAIL FROM:<a@b.test>\nRCPT TO:<c@b.test>\nDATA\nSubject: x\n\n.", "QUIT"]],
  },
  {
    name: "received_headers_max",
    main: "received_headers_max = 2",
    sessions: [
      [0, 1, 2, 3].flatMap((n) => [
        ...(n === 0 ? ["EHLO x"] : []),
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "DATA",
        `${"Received: from a by b; Mon, 6 May 2024 10:00:00 +0000\n".repeat(n)}Subject: x\n\ntext\n.`,
      ]),
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "DATA",
        "received : a\nRECEIVED: b\nX-Received: c\n\n\n.",
        "QUIT",
      ],
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "DATA",
        "received : a\nRECEIVED: b\nReceived:\n\n\n.",
        "QUIT",
      ],
    ],
  },
  {
    name: "helo names",
    main: "",
    sessions: [
      [
        "EHLO a_b.test",
        "EHLO a.test",
        "HELO a_b",
        "EHLO x y",
        "EHLO [127.0.0.1]",
        "EHLO [1.2.3]",
        "EHLO [IPv6:::1]",
        "EHLO ::1",
      ].slice(0, 4),
      ["EHLO [127.0.0.1]", "MAIL FROM:<a@b.test>", "RCPT TO:<c@b.test>", "QUIT"],
      ["EHLO [1.2.3]", "EHLO [IPv6:::1]", "EHLO [::1]", "HELO [127.0.0.1", "HELO [127.0.0.1]x"],
      ["EHLO -a", "EHLO a-", "EHLO a..b", "EHLO .a", "EHLO a."],
      ["EHLO é.test", "EHLO a/b", "EHLO 127.0.0.1", "EHLO IPv6:::1", "EHLO ::1", "EHLO a@b"],
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
      ["EHLO a_b", "EHLO a b", "EHLO", "EHLO  ", "HELO é", "HELO [1.2.3]", "QUIT"],
      ["EHLO x \ty", "EHLO   two", "HELO\tz", "ehlo x"],
      ["MAIL FROM:<a@b.test>", "HELO", "MAIL FROM:<a@b.test>", "RCPT TO:<c@b.test>", "QUIT"],
    ],
  },
  {
    name: "helo_verify_hosts",
    main: "helo_verify_hosts = *\nhost_lookup =",
    sessions: [
      ["EHLO nowhere.invalid", "MAIL FROM:<a@b.test>", "EHLO [127.0.0.1]", "MAIL FROM:<a@b.test>", "QUIT"],
      ["HELO [127.0.0.2]", "HELO localhost", "MAIL FROM:<a@b.test>", "QUIT"],
    ],
  },
  {
    name: "helo_try_verify_hosts",
    main: "helo_try_verify_hosts = *",
    acls: "r:\n  accept verify = helo\n  message = verified $sender_helo_verified\n  accept message = not so $sender_helo_verified",
    sessions: [
      [
        "EHLO nowhere.invalid",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "EHLO [127.0.0.1]",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "QUIT",
      ],
      [
        "HELO [127.0.0.2]",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "HELO localhost",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<c@b.test>",
        "QUIT",
      ],
    ],
  },
  {
    name: "helo_lookup_domains",
    main: "helo_lookup_domains = look.test : @ : @[]",
    acls: "r:\n  accept message = <$sender_host_name> $sender_fullhost",
    sessions: ["look.test", "other.test", "mx.test", "[127.0.0.1]", "localhost"].map((name) => [
      `EHLO ${name}`,
      "MAIL FROM:<a@b.test>",
      "RCPT TO:<c@b.test>",
      "QUIT",
    ]),
  },
  {
    name: "helo_lookup_domains, as it is",
    main: "",
    acls: "r:\n  accept message = $sender_fullhost",
    sessions: ["other.test", "mx.test", "[127.0.0.1]"].map((name) => [
      `EHLO ${name}`,
      "MAIL FROM:<a@b.test>",
      "RCPT TO:<c@b.test>",
      "QUIT",
    ]),
  },
  ...["", "strip_excess_angle_brackets", "strip_trailing_dot", "strip_excess_angle_brackets\nstrip_trailing_dot"].map(
    (main) => ({
      name: `addresses ${main}`,
      main: `${main}\nsmtp_max_synprot_errors = 100`,
      acls: "m:\n  accept message = <$sender_address>\nr:\n  accept message = <$local_part@$domain>",
      sessions: [
        [
          "EHLO x",
          "MAIL FROM:<<a@b.test>>",
          "RSET",
          "MAIL FROM:<<<a@b.test>>",
          "RSET",
          "MAIL FROM:<<a@b.test>>>",
          "RSET",
          "MAIL FROM:<<>>",
          "RSET",
          "MAIL FROM:<a@b.test.>",
          "RSET",
          "MAIL FROM:a@b.test.",
          "RSET",
          "MAIL FROM:<a@b.test..>",
          "RSET",
          "MAIL FROM: < a@b.test > ",
          "RSET",
          "MAIL FROM:<a@b.test>SIZE=3",
          "QUIT",
        ],
        [
          "EHLO x",
          "MAIL FROM:<>",
          "RCPT TO:<<a@b.test>>",
          "RCPT TO:<<a@b.test>",
          "RCPT TO:<a@b.test.>",
          "RCPT TO:a@b.test",
          "RCPT TO:<a@b.test..>",
          "RCPT TO:<@c.test:a@b.test.>",
          "RCPT TO:<@c.test.:a@b.test>",
          "RCPT TO:<postmaster>",
          "RCPT TO:<Postmaster.>",
          "RCPT TO:<a>",
          'RCPT TO:<"a b"@b.test.>',
          "RCPT TO:<a@.>",
          "RCPT TO:<a@b.test> x",
          "QUIT",
        ],
      ],
    }),
  ),
  ...["allow_domain_literals", "allow_domain_literals = false"].map((main) => ({
    name: main,
    main: `${main}\nsmtp_max_synprot_errors = 100`,
    acls: "m:\n  accept message = <$sender_address>\nr:\n  accept message = <$local_part@$domain>",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@[127.0.0.1]>",
        "RSET",
        "MAIL FROM:<>",
        "RCPT TO:<a@[127.0.0.1]>",
        "RCPT TO:<a@[IPv6:::1]>",
        "RCPT TO:<a@[::1]>",
        "RCPT TO:<a@[1.2.3]>",
        "RCPT TO:<a@[1.2.3.4>",
        "RCPT TO:<a@[x]>",
        "RCPT TO:<a@[999.1.1.1]>",
        "RCPT TO:<a@127.0.0.1>",
        "QUIT",
      ],
    ],
  })),
  {
    name: "recipients_max",
    main: "recipients_max = 2",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<b@b.test>",
        "RCPT TO:<c@b.test>",
        "RCPT TO:<d@b.test>",
        "DATA",
        "Subject: x\n\n.",
        "QUIT",
      ],
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<b@b.test>",
        "RCPT TO:<c@b.test>",
        "BDAT 0 LAST",
        "QUIT",
      ],
    ],
  },
  {
    name: "recipients_max_reject",
    main: "recipients_max = 2\nrecipients_max_reject",
    acls: "r:\n  deny local_parts = no\n  accept",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<b@b.test>",
        "RCPT TO:<c@b.test>",
        "RCPT TO:<d@b.test>",
        "DATA",
        "NOOP",
        "MAIL FROM:<a@b.test>",
        "RSET",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "DATA",
        "Subject: x\n\n.",
        "QUIT",
      ],
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<no@b.test>",
        "RCPT TO:<c@b.test>",
        "RCPT TO:<d@b.test>",
        "DATA",
        "Subject: x\n\n.",
        "QUIT",
      ],
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<b@b.test>",
        "RCPT TO:<c@b.test>",
        "BDAT 0 LAST",
        "NOOP",
        "QUIT",
      ],
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>\nRCPT TO:<a@b.test>\nRCPT TO:<b@b.test>\nRCPT TO:<c@b.test>",
        "BDAT 0",
        "BDAT 0 LAST",
        "NOOP",
        "QUIT",
      ],
    ],
  },
  {
    name: "smtp_return_error_details",
    main: "smtp_return_error_details",
    acls: "r:\n  deny !verify = recipient\n  accept",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<fail@b.test>",
        "RCPT TO:<later@b.test>",
        "RCPT TO:<broken@b.test>",
        "RCPT TO:<c@b.test>",
        "QUIT",
      ],
    ],
  },
  {
    name: "no smtp_return_error_details",
    main: "",
    acls: "r:\n  deny !verify = sender\n  deny !verify = recipient\n  accept",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<fail@b.test>",
        "RCPT TO:<later@b.test>",
        "RCPT TO:<broken@b.test>",
        "RCPT TO:<c@b.test>",
        "QUIT",
      ],
      ["EHLO x", "MAIL FROM:<broken@b.test>", "RCPT TO:<c@b.test>", "RCPT TO:<c@b.test>", "QUIT"],
      ["EHLO x", "MAIL FROM:<fail@b.test>", "RCPT TO:<c@b.test>", "RCPT TO:<c@b.test>", "QUIT"],
    ],
  },
  {
    name: "smtp_ratelimit",
    main: "smtp_ratelimit_hosts = *\nsmtp_ratelimit_mail = 1,0.2s,2,1s\nsmtp_ratelimit_rcpt = 1,0.2s,2,1s",
    sessions: [
      [
        "EHLO x",
        "MAIL FROM:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RCPT TO:<a@b.test>",
        "RSET",
        "MAIL FROM:<a@b.test>",
        "RSET",
        "MAIL FROM:<a@b.test>",
        "QUIT",
      ],
    ],
  },
  {
    name: "ratelimit",
    main: "",
    // HELO says which of the limits is meant.
    acls: `r:\n${RATES.map(rateStatement("2.5", "$local_part")).join("")}  accept\nd:\n${RATES.map(rateStatement("2", "c")).join("")}  accept`,
    sessions: RATES.flatMap((_, i) => [1, 2].map(() => rateSession(`n${i}`))),
  },
  {
    name: "ratelimit, where it may be",
    main: "",
    acls: ["m", "p", "d", "v", "q"]
      .map((stage) => `${stage}:\n${MEASURES.map(rateStatement("1.5", "x", stage)).join("")}  accept\n`)
      .join(""),
    sessions: MEASURES.flatMap((_, i) => [1, 2].map(() => rateSession(`n${i}`))),
  },
];

const STAGES = { c: "connect", h: "helo", m: "mail", r: "rcpt", p: "predata", d: "data", v: "vrfy", q: "quit" };
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

const comparable = (reply: string): string =>
  reply
    .replace(/^(\d{3}[ -])\d\.\d{1,3}\.\d{1,3} /, "$1")
    .replace(/ id=\S+/, " id=ID")
    .replace(/^220 .*/, "220")
    .replace(/^(250) (?:HELP|SMTPUTF8|.*Hello).*/, "$1");

describe("options about sessions: answers as from a real Exim", () => {
  for (const { name, main, acls = "", sessions } of CASES) {
    test(name, async (t) => {
      if (needs(t, "exim-4.98") === undefined) return;
      const used = [...`r:\n\n${acls}`.matchAll(/^(\w):$/gm)].map(([, short = ""]) => short);
      const options = [...new Set(used)].map((short) => `acl_smtp_${STAGES[short as "r"]} = ${short}\n`).join("");
      const own = acls.includes("r:\n") ? acls : `r:\n  accept\n${acls}`;
      const config = `primary_hostname = mx.test\nkeep_environment =\npipelining_connect_advertise_hosts =\nrfc1413_query_timeout = 0s\n${main.includes("host_lookup") ? "" : "host_lookup =\n"}${main}\n${options}begin acl\n${own}\n${SECTIONS}`;
      const directory = await temporaryDirectory(t, "exim");
      const exim = await startExim("exim-4.98", config, { port: await freePort(), directory });
      t.after(() => exim.stop());
      const file = join(await temporaryDirectory(t, "policy"), "p.conf");
      await writeFile(file, `daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n${config}`);
      const { postbus } = await runningPostbus(t, "--config", file);
      for (const lines of sessions) {
        const want = (await runScript(exim.port, lines))
          .map(comparable)
          .filter((line) => !/^421 .* lost input/.test(line));
        const said = (await runScript(postbus.port("smtp"), lines)).map(comparable);
        assert.deepEqual(said, want, lines.join("\n"));
      }
    });
  }
});
