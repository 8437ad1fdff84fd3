import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DnsZone, startDnsServer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { type Scope, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { type RunningProgram, runningProgram, speak } from "./running-program.ts";
import { Site, type Told } from "./site.ts";
import { text } from "./text.ts";

/** One domain whose mail from here is right, one whose is not. */
const ZONE: DnsZone = {
  "pass.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "_dmarc.pass.example": { TXT: ["v=DMARC1; p=reject"] },
  "fail.example": { TXT: ["v=spf1 -all"] },
  "_dmarc.fail.example": { TXT: ["v=DMARC1; p=reject; ruf=mailto:user2@test.example"] },
  // That of fail.example may be sent there.
  "fail.example._report._dmarc.test.example": { TXT: ["v=DMARC1"] },
  "put-aside.example": { TXT: ["v=spf1 -all"] },
  "_dmarc.put-aside.example": { TXT: ["v=DMARC1; p=quarantine"] },
  "nothing.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
};

/** What the client is told of a message from each domain. */
async function verdicts(port: number, ...domains: readonly string[]): Promise<readonly string[]> {
  const replies = await speak(port, [
    "EHLO client.example",
    ...domains.flatMap((domain) => [
      `MAIL FROM:<a@${domain}>`,
      "RCPT TO:<user1@test.example>",
      "DATA",
      `From: a@${domain}\r\nSubject: x\r\n\r\ntext\r\n.`,
    ]),
  ]);
  return replies.slice(2).filter((_, i) => i % 4 === 3);
}

/** The whole program, asking a DNS with that zone. */
async function running(t: Scope, config: string): Promise<RunningProgram> {
  const dns = await startDnsServer(ZONE);
  t.after(() => dns.stop());
  return runningProgram(t, config, { POSTBUS_DNS_SERVERS: dns.address });
}

const SAYS = "$dmarc_status|$dmarc_status_text|$dmarc_used_domain|$dmarc_domain_policy|$dmarc_alignment_spf";

const LISTS = "hostlist local_hosts = 192.0.2.25\ndomainlist screwed_up_dmarc_records = screwed.example\n";

/** A message of b.example about which the verifier says this. */
function judged(site: Site, status: string, policy: string): Promise<Told> {
  const variables = { dmarc_status: status, dmarc_used_domain: "b.example", dmarc_domain_policy: policy };
  return site.message({
    hooks: {
      facts: {
        dmarc: () => ({
          ...{ result: status, variables },
          authenticationResult: "dmarc=pass header.from=b.example",
        }),
      },
    },
  });
}

example("7.1", "files and the sender of reports", {
  config: around({
    main: "dmarc_tld_file = /etc/exim/opendmarc.tlds\ndmarc_history_file = /var/spool/exim/dmarc_history.dat\ndmarc_forensic_sender = dmarc@test.example",
  }),
  async shows({ configuration: { main } }, t) {
    assert.equal(main.get("dmarc_tld_file"), "/etc/exim/opendmarc.tlds");
    assert.equal(main.get("dmarc_history_file"), "/var/spool/exim/dmarc_history.dat");
    assert.equal(main.get("dmarc_forensic_sender"), "dmarc@test.example");

    const directory = await temporaryDirectory(t, "dmarc");
    const file = join(directory, "history.dat");
    const config = around({
      main: `dmarc_history_file = ${file}`,
      rcpt: "  warn control = dmarc_enable_forensic",
      data: "  deny dmarc_status = reject",
    });
    const { port, maildir } = await running(t, config);
    const replies = await verdicts(port, "pass.example", "fail.example", "nothing.example");
    assert.deepEqual(
      replies.map((reply) => reply.slice(0, 3)),
      ["250", "550", "250"],
    );
    const blocks = await eventually(async () => {
      const found = (await readFile(file, "latin1").catch(() => "")).split(/^(?=job )/m);
      return found.length === 2 ? found : undefined;
    });
    assert.match(
      blocks.join(""),
      /^from pass\.example\nmfrom pass\.example\nspf 0\npdomain pass\.example\npolicy 15\n/m,
    );
    assert.match(
      blocks.join(""),
      /^from fail\.example\nmfrom fail\.example\nspf 7\npdomain fail\.example\npolicy 16\n/m,
    );
    const mail = await messagesIn(maildir, 3);
    const report = mail.find((each) => each.includes("DMARC Forensic Report")) ?? "";
    assert.match(report, /^From: do-not-reply@mx\.test\.example\r?$/m);
    assert.match(report, /^Subject: DMARC Forensic Report for fail\.example from IP 127\.0\.0\.1\r?$/m);
    assert.match(report, /^Feedback-Type: auth-failure\r?$/m);
  },
});

for (const [number, now, before, controls] of [
  ["7.2", "dmarc_disable_verify", "dmarc_verify_disable", { isDmarcOff: true }],
  ["7.3", "dmarc_enable_forensic", "dmarc_forensic_enable", { sendsDmarcReports: true }],
] as const) {
  example(number, `control = ${now}, or ${before}`, {
    config: around({ rcpt: `  warn control = ${now}\n  warn control = ${before}` }),
    async shows(_site, t) {
      for (const name of [now, before]) {
        const { session } = await new Site(around({ rcpt: `  warn control = ${name}` })).message();
        assert.deepEqual(session.message.controls, controls, name);
        assert.throws(() => new Site(around({ connect: `  warn control = nosuch_${name}` })));
      }
      // That a report goes out is seen at 7.1.
      if (number === "7.3") return;
      const data = "  deny dmarc_status = off\n       message = it is $dmarc_status";
      const { port } = await running(t, around({ rcpt: `  warn control = ${before}`, data }));
      assert.match((await verdicts(port, "fail.example"))[0] ?? "", /^550 .*it is off$/);
    },
  });
}

example("7.4", "DMARC at RCPT, with a condition in prose", {
  config: around({ main: LISTS, rcpt: text("7.4.conf") }),
  async shows(site) {
    const stranger = await site.message();
    assert.deepEqual(stranger.session.message.controls, { sendsDmarcReports: true });
    assert.deepEqual(stranger.said, ["accept", "accept", "accept", "accept"]);
    assert.equal(stranger.session.message.variables.size, 0);
    assert.match(stranger.log.join(), /condition test deferred: invalid "condition" value "\(lookup if destined/);
    const ours = await site.message({ address: "192.0.2.25", recipients: ["u@test.example"] });
    assert.deepEqual(ours.session.message.controls, { isDmarcOff: true, sendsDmarcReports: true });
    const screwed = await site.message({ recipients: ["u@screwed.example"] });
    assert.deepEqual(screwed.session.message.controls, {});
  },
});

example("7.5", "DMARC behind DATA", {
  config: around({ rcpt: "  warn domains = list.example\n       set acl_m_mailing_list = 1", data: text("7.5.conf") }),
  async shows(site, t) {
    const debug = (rest: string) => `main: Warning: DMARC DEBUG: ${rest}`;
    const good = await judged(site, "accept", "reject");
    assert.deepEqual([good.said.at(-1), good.log], ["accept", [debug("accept b.example")]]);
    const [added] = good.session.message.addedHeaders;
    assert.equal(added?.position, "at_start");
    assert.match(added?.text ?? "", /^Authentication-Results: mx\.test\.example;/);

    const bad = await judged(site, "reject", "reject");
    assert.equal(bad.said.at(-1), "550 Message from b.example failed sender's DMARC policy, REJECT");
    assert.deepEqual(bad.log, [debug("'reject' for b.example")]);

    const quarantined = await judged(site, "quarantine", "quarantine");
    assert.equal(quarantined.said.at(-1), "accept");
    assert.deepEqual([...quarantined.session.message.variables], [["acl_m_quarantine", "1"]]);

    const rcpt = "  warn set acl_m_mailing_list = 1";
    const listed = await judged(new Site(around({ rcpt, data: text("7.5.conf") })), "accept", "reject");
    assert.equal(listed.said.at(-1), "550 Messages from b.example break mailing lists");

    const shown = "driver = appendfile\n  headers_add = X-Quarantine: $acl_m_quarantine";
    const config = around({ data: text("7.5.conf") }).replace("driver = appendfile", shown);
    const { port, maildir } = await running(t, config);
    const replies = await verdicts(port, "pass.example", "fail.example", "put-aside.example");
    assert.match(replies[0] ?? "", /^250 /);
    assert.match(
      replies[1] ?? "",
      /^550 (?:5\.\d\.\d )?Message from fail\.example failed sender's DMARC policy, REJECT$/,
    );
    const messages = await messagesIn(maildir, 2);
    const delivered = (domain: string) => messages.find((each) => each.includes(`From: a@${domain}`)) ?? "";
    assert.match(delivered("pass.example"), /^Authentication-Results: mx\.test\.example;[\s\S]*\bspf=pass\b/);
    assert.match(delivered("put-aside.example"), /^X-Quarantine: 1$/m);
  },
});

const STATUSES = ["accept", "reject", "quarantine", "none", "norecord", "nofrom", "temperror", "off"];

example("7.6", "statuses of DMARC, each with its negation", {
  config: around({
    data: [...STATUSES, "error"].map((one) => `  warn dmarc_status = ${one}\n  warn dmarc_status = !${one}`).join("\n"),
  }),
  async shows() {
    for (const asked of STATUSES) {
      const site = new Site(
        around({
          data: `  deny dmarc_status = ${asked}\n       message = is\n  deny dmarc_status = !${asked}\n       message = not`,
        }),
      );
      for (const status of STATUSES) {
        const told = await judged(site, status, "none");
        assert.equal(told.said.at(-1), status === asked ? "550 is" : "550 not", `${asked}: ${status}`);
      }
    }
  },
});

example("7.7", "variables of DMARC", {
  config: around({
    data: "  deny dmarc_status = *\n       message = $dmarc_status|$dmarc_status_text|$dmarc_used_domain|$dmarc_domain_policy",
  }),
  async shows(_site, t) {
    const site = new Site(
      around({
        data: "  deny !dmarc_status = none\n       message = $dmarc_status|$dmarc_used_domain|$dmarc_domain_policy",
      }),
    );
    assert.equal((await judged(site, "reject", "quarantine")).said.at(-1), "550 reject|b.example|quarantine");

    const data = `  deny dmarc_status = *\n       message = \${sg{${SAYS}|$dmarc_ar_header}{[ :]+}{_}}`;
    const { port } = await running(t, around({ data }));
    const field = "Authentication-Results: mx.test.example; dmarc";
    assert.deepEqual(
      (await verdicts(port, "pass.example", "fail.example", "nothing.example")).map((reply) =>
        reply.replace(/^550 (?:5\.\d\.\d )?/, ""),
      ),
      [
        `accept|Accept|pass.example|reject|yes|${field}=pass header.from=pass.example`,
        `reject|Reject|fail.example|reject|no|${field}=fail header.from=fail.example`,
        `norecord|No DMARC record|nothing.example||no|${field}=none header.from=nothing.example`,
      ].map((said) => said.replace(/[ :]+/g, "_")),
    );
  },
});
