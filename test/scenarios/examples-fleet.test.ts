// One file because all examples share one fleet, which takes longer to start than they take.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { provisionNats } from "@postbus/bus";
import {
  type DccAnswer,
  type Dccifd,
  type DnsZone,
  makeCertificate,
  type PostbusProcess,
  program,
  type ScriptedEngine,
  type SmtpPeer,
  startDccifd,
  startDnsServer,
  startNats,
  startPostbus,
  startScriptedEngine,
  startSmtpPeer,
} from "@postbus/testkit";
import { RawClient } from "../bad-input/raw-client.ts";
import { around } from "../examples/around.ts";
import { speak } from "../examples/running-program.ts";
import { text } from "../examples/text.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";

/**
 * The examples of sections 4 to 7 and 16 once more, each through services that are processes of their own, on a NATS server. They share a
 * fleet: the sender's local part chooses the example, its domain what the DNS says.
 */
const RIGHT = ["v=spf1 ip4:127.0.0.1 -all"];
const WRONG = ["v=spf1 -all"];
const ZONE: DnsZone = {
  "pass.example": { TXT: RIGHT },
  "fail.example": { TXT: WRONG },
  "softfail.example": { TXT: ["v=spf1 ~all"] },
  "neutral.example": { TXT: ["v=spf1 ?all"] },
  "permerror.example": { TXT: ["v=spf1 nonsense:x -all"] },
  "temperror.example": "SERVFAIL",
  "_dmarc.pass.example": { TXT: ["v=DMARC1; p=reject"] },
  "_dmarc.fail.example": { TXT: ["v=DMARC1; p=reject; ruf=mailto:reports@test.example"] },
  "fail.example._report._dmarc.test.example": { TXT: ["v=DMARC1"] },
  "put-aside.example": { TXT: WRONG },
  "_dmarc.put-aside.example": { TXT: ["v=DMARC1; p=quarantine"] },
  "watched.example": { TXT: WRONG },
  "_dmarc.watched.example": { TXT: ["v=DMARC1; p=none"] },
  "away.example": { TXT: RIGHT },
  "_dmarc.away.example": "SERVFAIL",
};

const STATUSES = ["accept", "reject", "quarantine", "none", "norecord", "nofrom", "temperror", "off"] as const;

const RCPT = `${text("7.4.conf")}
  deny senders = spf@*
       spf = fail : softfail : !pass
       message = $spf_result of $sender_address_domain
  deny senders = not@*
       spf = !fail
       message = not fail
  deny senders = old@*
       spf = err_perm : err_temp
       message = old name of $spf_result
  warn senders = control@*
       control = requiretls
  warn senders = tls@* : control@*
       logwrite = :main: requiretls of $sender_address_local_part is $requiretls
  warn domains = list.example
       set acl_m_mailing_list = 1`;

/** DATA ACLs by the local part of the sender. */
const dataAcls = (sites: string): Readonly<Record<string, string>> => ({
  dmarc: text("7.5.conf"),
  statuses: STATUSES.map(
    (one) => `  warn dmarc_status = ${one}
       set acl_m_is = $acl_m_is ${one}
  warn dmarc_status = !${one}
       set acl_m_not = $acl_m_not ${one}`,
  )
    .concat("  deny message = is$acl_m_is, not$acl_m_not")
    .join("\n"),
  variables: `  deny dmarc_status = *
       message = \${sg{$dmarc_status|$dmarc_status_text|$dmarc_used_domain|$dmarc_domain_policy|$dmarc_ar_header}{[ :]+}{_}}`,
  asked:
    "  deny !dcc = *\n       message = bulk\n  warn add_header = $dcc_header\n       add_header = X-Result: $dcc_result",
  tolerant: "  deny dcc = */defer_ok\n       message = taken",
  greylisted: "  defer   !dcc = *",
  override: `${text("6.8.conf").replace("/etc/mail/multipleip_sites", sites)}\n  defer !dcc = *`,
  scanned: "  warn dcc = *\n  deny malware = *",
  arc: `  warn verify = arc
       add_header = :at_start:\${authresults {mx.test.example}}
       logwrite = :main: chain <$arc_state> <$arc_domains> <$arc_oldest_pass>
${text("16.3.conf").replace(/^/, "  warn\n")}
  deny verify = arc/fail
       message = $arc_state_reason`,
  arclists: ["none", "fail", "pass", "pass:none"]
    .map((list) => `  warn verify = arc/${list}\n       set acl_m_in = $acl_m_in ${list}`)
    .concat("  warn verify = arc\n       set acl_m_in = $acl_m_in usual", "  deny message = in$acl_m_in")
    .join("\n"),
  more: "  warn set acl_m_dcc_add_header = X-More: $sender_address_domain\n       dcc = *",
});

const ROUTERS = `inbound_srs:
  driver = redirect
  senders = :
  domains = +local_domains
  condition = \${if inbound_srs {$local_part}{SECRET}}
  data = $srs_recipient
forward:
  driver = redirect
  local_parts = moved
  data = moved@other.example
`;

/** To be done at the end. */
const ends: (() => Promise<unknown>)[] = [];
const scope = { after: (end: () => Promise<unknown>) => void ends.push(end) };

interface Fleet {
  readonly data: string;
  /** Asks dccifd over TCP; the other one on a socket, and has its field put into the message. */
  readonly tcp: number;
  readonly socket: number;
  readonly dcc: { answer: DccAnswer; readonly overTcp: Dccifd; readonly onSocket: Dccifd };
  readonly clamd: ScriptedEngine;
  readonly peer: SmtpPeer;
}

async function startFleet(): Promise<Fleet> {
  const data = await temporaryDirectory(scope, "examples-fleet");
  const seal = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const sealKey = join(data, "arc.key");
  await writeFile(sealKey, seal.privateKey);
  const record = `v=DKIM1; k=rsa; p=${seal.publicKey.toString("base64")}`;
  const zone: DnsZone = { ...ZONE, "sel._domainkey.mx.test.example": { TXT: [record] } };
  const [nats, dns, peer] = await Promise.all([startNats(), startDnsServer(zone), startSmtpPeer()]);
  const { certificateFile, privateKeyFile } = makeCertificate("mx.test.example");
  const answers: { answer: DccAnswer } = { answer: { recipients: "A" } };
  const socketPath = join(data, "dccifd");
  const overTcp = await startDccifd(() => answers.answer);
  const onSocket = await startDccifd(() => answers.answer, socketPath);
  const isWhole = (request: string): boolean => request.endsWith("\0\0\0\0");
  const clamd = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
  const running: PostbusProcess[] = [];
  scope.after(async () => {
    await Promise.all(running.map((postbus) => postbus.kill()));
    await Promise.all([
      nats.stop(),
      dns.stop(),
      ...[peer, overTcp, onSocket, clamd].map((one) => one[Symbol.asyncDispose]()),
    ]);
  });
  await provisionNats({ servers: [nats.url], replicas: 1, eventsMaxOctets: 64 * 1024 ** 2 });
  const sites = join(data, "multipleip_sites");
  await writeFile(sites, text("6.8-data.txt"));
  const acls = Object.entries(dataAcls(sites));
  const policy = (main: string): string =>
    around({
      main: `daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
hostlist local_hosts = \${if eq{$sender_helo_name}{local.example}{127.0.0.1}}
domainlist screwed_up_dmarc_records = screwed.example
dmarc_history_file = ${data}/history.dat
tls_certificate = ${certificateFile}
tls_privatekey = ${privateKeyFile}
tls_advertise_requiretls = *
${main}`,
      rcpt: RCPT,
      acls: acls.map(([name, statements]) => `${name}:\n${statements}\n  accept\n`).join(""),
      routers: ROUTERS,
      smtp: `  max_rcpt = 1\n  return_path = \${srs_encode {SECRET}{$return_path}{$original_domain}}\n  port = ${peer.port}
  arc_sign = \${if match{$h_From:}{arc@}{mx.test.example : sel : ${sealKey} : timestamps,expire=+3600}}`,
    })
      .replace(
        "acl_smtp_data = acl_check_data",
        `acl_smtp_data = \${extract{of-$sender_address_local_part}{${acls.map(([name]) => `of-${name}=${name}`).join(" ")}}{$value}{accept}}`,
      )
      .replace(
        "file = ./mail/$local_part_data",
        `maildir_format\n  directory = ${data}/mail\n  headers_add = X-Quarantine: $acl_m_quarantine`,
      );
  const direct = `dccifd_address = ${socketPath}\ndcc_direct_add_header = true\nav_scanner = clamd:127.0.0.1 ${clamd.port}`;
  const configs = { tcp: policy(`dccifd_address = 127.0.0.1 ${overTcp.port}`), socket: policy(direct) };
  for (const [name, config] of Object.entries(configs)) await writeFile(join(data, `${name}.conf`), config, "latin1");
  const env = {
    NATS_URL: nats.url,
    NATS_MONITOR_URL: nats.monitorUrl,
    POSTBUS_DNS_SERVERS: dns.address,
  };
  const start = async (service: string, config = "tcp"): Promise<PostbusProcess> => {
    const args = [service, "--data", data, "--config", join(data, `${config}.conf`)];
    const postbus = await startPostbus({ args, env });
    running.push(postbus);
    return postbus;
  };
  const [tcp, socket] = await Promise.all([
    start("gateway"),
    start("gateway", "socket"),
    ...["logger", "verifier", "scanner", "router", "delivery"].map((service) => start(service)),
  ]);
  if (tcp === undefined || socket === undefined) throw new Error("no gateways");
  const dcc = Object.assign(answers, { overTcp, onSocket });
  return { data, tcp: tcp.port("smtp"), socket: socket.port("smtp"), dcc, clamd, peer };
}

interface Mail {
  readonly from: string;
  readonly to?: string;
  readonly helo?: string;
  readonly header?: string;
}

const missing = program("nats-server") === undefined ? "SKIPPED: nats-server is not on this machine" : false;

describe("the examples of sections 4 to 7 and 16 in a fleet", { skip: missing }, () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await startFleet();
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  /** The replies to RCPT and to the content. */
  async function send({ from, to = "u@test.example", helo = "client.example", header }: Mail, port = fleet.tcp) {
    const content = `${header ?? `From: ${from}`}\r\nSubject: of ${from}\r\n\r\ntext\r\n.`;
    const commands = [`EHLO ${helo}`, `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA", content];
    const replies = (await speak(port, commands)).map((reply) => reply.replace(/^(\d{3}) [245]\.\d+\.\d+ /, "$1 "));
    return { recipient: replies[3] ?? "", end: replies[5] ?? "" };
  }

  /** The first message that is delivered, and has this in it. */
  const delivered = (wanted: string): Promise<string> =>
    eventually(async () => {
      const messages = await messagesIn(join(fleet.data, "mail"), 0);
      return messages.find((message) => message.includes(wanted));
    });

  const logged = (wanted: string): Promise<string> =>
    eventually(async () => {
      const log = await readFile(join(fleet.data, "log/mainlog"), "latin1").catch(() => "");
      return log.includes(wanted) ? log : undefined;
    });

  test("4.1 spf: every result, negation, the old names", async () => {
    for (const result of ["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]) {
      const domain = `${result}.example`;
      const of = async (name: string): Promise<string> => (await send({ from: `${name}@${domain}` })).recipient;
      assert.match(await of("spf"), result === "pass" ? /^250/ : new RegExp(`^550 ${result} of ${domain}$`));
      assert.match(await of("not"), result === "fail" ? /^250/ : /^550 not fail$/);
      const isOld = result === "permerror" || result === "temperror";
      assert.match(await of("old"), isOld ? new RegExp(`^550 old name of ${result}$`) : /^250/);
    }
  });

  test("5.1 srs_encode and inbound_srs", async () => {
    assert.match((await send({ from: "ann@b.example", to: "moved@test.example" })).end, /^250/);
    const { returnPath } = await eventually(async () => fleet.peer.messages[0]);
    assert.match(returnPath, /^SRS0=[^=]+=[^=]+=b\.example=ann@test\.example$/);
    assert.match((await send({ from: "", to: returnPath, header: "X-Bounce: yes" })).end, /^250/);
    const bounce = await eventually(async () => fleet.peer.messages[1]);
    assert.deepEqual([bounce.returnPath, bounce.recipients], ["", ["ann@b.example"]]);
  });

  test("6.1, 6.2 dccifd on a socket, and over TCP", async () => {
    for (const [name, port, { questions }] of [
      ["tcp", fleet.tcp, fleet.dcc.overTcp],
      ["socket", fleet.socket, fleet.dcc.onSocket],
    ] as const) {
      assert.match((await send({ from: "asked@b.example", to: `${name}@test.example` }, port)).end, /^250/);
      const { message: _message, ...envelope } = questions.at(-1) ?? assert.fail();
      assert.deepEqual(envelope, {
        options: ["header"],
        client: "127.0.0.1",
        helo: "client.example",
        returnPath: "asked@b.example",
        recipients: [`${name}@test.example`],
      });
    }
  });

  test("6.3 to 6.5 dcc = *, /defer_ok, greylisting", async () => {
    for (const [overall, asked, tolerant, greylisted] of [
      ["A", /^250/, /^550 taken/, /^250/],
      ["R", /^550 bulk/, /^250/, /^451/],
      ["G", /^550 bulk/, /^250/, /^451/],
      ["T", /^451/, /^250/, /^451/],
    ] as const) {
      fleet.dcc.answer = { recipients: "A", overall };
      assert.match((await send({ from: "asked@b.example" })).end, asked, overall);
      assert.match((await send({ from: "tolerant@b.example" })).end, tolerant, overall);
      assert.match((await send({ from: "greylisted@b.example" })).end, greylisted, overall);
    }
    fleet.dcc.answer = { recipients: "A" };
    assert.match(await delivered("X-Result: A"), /^X-DCC-test-Metrics: client\.test 1000; Body=1 Fuz1=1 Fuz2=1$/m);
    await logged("H=(client.example) [127.0.0.1] F=<asked@b.example>: rejected by DCC");
  });

  test("6.6, 6.7 the field is in the message that other engines get, with what the policy adds", async () => {
    assert.match((await send({ from: "scanned@b.example" }, fleet.socket)).end, /^250/);
    assert.match(fleet.clamd.requests[0] ?? "", /\r\nX-DCC-test-Metrics: client\.test 1000; [^\r]*\r\n\r\n/);
    assert.match((await send({ from: "more@b.example" }, fleet.socket)).end, /^250/);
    assert.match(await delivered("X-More: b.example\n"), /^X-DCC-test-Metrics: .*\nX-More: b\.example$/m);
  });

  test("6.8 the client's address for DCC out of a file", async () => {
    for (const helo of ["mout.gmx.net", "other.example"]) {
      assert.match((await send({ from: "override@b.example", helo })).end, /^250/);
    }
    assert.deepEqual(
      fleet.dcc.overTcp.questions.filter(({ returnPath }) => /^override/.test(returnPath)).map(({ client }) => client),
      ["212.227.15.16", "127.0.0.1"],
    );
    await logged("Warning: dbg: acl_m_dcc_override_client_ip set to 212.227.15.16");
  });

  test("7.1, 7.3 history and failure reports", async () => {
    assert.match((await send({ from: "dmarc@pass.example" })).end, /^250/);
    assert.match((await send({ from: "dmarc@fail.example" })).end, /^550 Message from fail\.example failed/);
    const history = await eventually(async () => {
      const found = await readFile(join(fleet.data, "history.dat"), "latin1").catch(() => "");
      return /^from pass\.example$/m.test(found) && /^from fail\.example$/m.test(found) ? found : undefined;
    });
    assert.match(history, /^from pass\.example\nmfrom pass\.example\nspf 0\npdomain pass\.example\npolicy 15\n/m);
    assert.match(history, /^from fail\.example\nmfrom fail\.example\nspf 7\npdomain fail\.example\npolicy 16\n/m);
    const report = await delivered("Subject: DMARC Forensic Report for fail.example from IP 127.0.0.1");
    assert.match(report, /^From: do-not-reply@mx\.test\.example$/m);
    assert.match(report, /^Feedback-Type: auth-failure$/m);
  });

  test("7.2, 7.4 what RCPT says of DMARC, with a condition in prose", async () => {
    assert.match((await send({ from: "dmarc@fail.example", helo: "local.example" })).end, /^250/);
    await logged("DMARC DEBUG: off");
    assert.match(
      await logged('invalid "condition" value'),
      /condition test deferred.*\(lookup if destined to mailing list\)/,
    );
  });

  test("7.5 DMARC behind DATA", async () => {
    const message = await delivered("Subject: of dmarc@pass.example");
    assert.match(message, /^Authentication-Results: mx\.test\.example;[\s\S]*\bspf=pass\b/m);
    await logged("DMARC DEBUG: accept pass.example");
    await logged("DMARC DEBUG: 'reject' for fail.example");
    assert.match((await send({ from: "dmarc@put-aside.example" })).end, /^250/);
    assert.match(await delivered("Subject: of dmarc@put-aside.example"), /^X-Quarantine: 1$/m);
    const listed = await send({ from: "dmarc@pass.example", to: "u@list.example" });
    assert.match(listed.end, /^550 Messages from pass\.example break mailing lists$/);
  });

  test("7.6 statuses, each with its negation", async () => {
    const rows: readonly [status: (typeof STATUSES)[number], mail: Partial<Mail> & { readonly domain: string }][] = [
      ["accept", { domain: "pass.example" }],
      ["reject", { domain: "fail.example" }],
      ["quarantine", { domain: "put-aside.example" }],
      ["none", { domain: "watched.example" }],
      ["norecord", { domain: "nothing.example" }],
      ["nofrom", { domain: "pass.example", header: "X-From: nobody" }],
      ["temperror", { domain: "away.example" }],
      ["off", { domain: "fail.example", helo: "local.example" }],
    ];
    for (const [status, { domain, ...mail }] of rows) {
      const others = STATUSES.filter((one) => one !== status).join(" ");
      const { end } = await send({ from: `statuses@${domain}`, ...mail });
      assert.equal(end, `550 is ${status}, not ${others}`);
    }
  });

  test("7.7 variables", async () => {
    const field = "Authentication-Results_mx.test.example;_dmarc";
    for (const [domain, said] of [
      ["pass.example", `accept|Accept|pass.example|reject|${field}=pass_header.from=pass.example`],
      ["fail.example", `reject|Reject|fail.example|reject|${field}=fail_header.from=fail.example`],
      ["nothing.example", `norecord|No_DMARC_record|nothing.example||${field}=none_header.from=nothing.example`],
    ]) {
      assert.equal((await send({ from: `variables@${domain}` })).end, `550 ${said}`);
    }
  });

  /** What the next hop has got, with this in it. */
  const relayed = (wanted: string): Promise<string> =>
    eventually(async () => fleet.peer.messages.find(({ content }) => content.includes(wanted))?.content);

  /** A message as it is, from whom the ACL chooses. */
  const sendAsIs = async (from: string, to: string, content: string): Promise<string> =>
    (
      await speak(fleet.tcp, ["EHLO client.example", `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA", `${content}.`])
    ).at(-1) ?? "";

  test("16.1 to 16.4 seals: each hop says what it has found, and seals that", async () => {
    let message = "From: arc@b.example\r\nSubject: hops\r\n\r\ntext\r\n";
    for (const [hop, state] of [
      [1, "none"],
      [2, "pass (i=1) header.s=sel arc.oldest-pass=1 smtp.remote-ip=127.0.0.1"],
      [3, "pass (i=2) header.s=sel arc.oldest-pass=1 smtp.remote-ip=127.0.0.1"],
    ] as const) {
      assert.match(await sendAsIs("arc@b.example", "far@other.example", message), /^250/);
      message = await relayed(`ARC-Seal: i=${hop};`);
      const plain = message.replaceAll(/\r\n[ \t]+/g, " ");
      assert.match(plain, new RegExp(`^ARC-Seal: i=${hop}; cv=${hop === 1 ? "none" : "pass"}; a=rsa-sha256; d=mx`));
      const found = plain.match(/^Authentication-Results: .*$/gm);
      assert.deepEqual(found, [`Authentication-Results: mx.test.example; arc=${state}`]);
      const [, t = "", x = ""] = /^ARC-Message-Signature: .*; t=([0-9]+); x=([0-9]+);/m.exec(plain) ?? [];
      assert.equal(Number(x) - Number(t), 3600);
    }
    await logged("chain <pass> <mx.test.example:mx.test.example> <1>");
    await logged("oldest-p-ams: <i=1; mx.test.example; smtp.remote-ip=127.0.0.1;\\n\\tarc=none>");
    const changed = message.replace("text", "changed");
    assert.match(await sendAsIs("arc@b.example", "u@test.example", changed), /^550 .*AMS body hash miscompare$/);
    const lists = async (content: string) => sendAsIs("arclists@b.example", "u@test.example", content);
    assert.match(await lists(message), /^550 .*in pass pass:none usual$/);
    assert.match(await lists(changed), /^550 .*in fail$/);
    assert.match(await lists("From: arc@b.example\r\n\r\ntext\r\n"), /^550 .*in none pass:none usual$/);
  });

  /** A message over TLS. @returns what EHLO has offered. */
  async function sendSecured(from: string, to: string, word: string): Promise<string> {
    const client = await RawClient.connect(fleet.tcp);
    const said = async (text: string): Promise<string> => {
      await client.send(text);
      return (await client.reply()) ?? "";
    };
    await client.reply();
    assert.doesNotMatch(await said("EHLO client.example\r\n"), /REQUIRETLS/);
    await said("STARTTLS\r\n");
    await client.secure();
    const offered = await said("EHLO client.example\r\n");
    for (const line of [`MAIL FROM:<${from}>${word}`, `RCPT TO:<${to}>`])
      assert.match(await said(`${line}\r\n`), /^250/);
    await said("DATA\r\n");
    assert.match(await said(`From: ${from}\r\nSubject: of ${from}\r\n\r\ntext\r\n.\r\n`), /^250/);
    client.close();
    return offered;
  }

  test("16.5 REQUIRETLS: offered over TLS alone, told to ACLs and the log, and obeyed on the way out", async () => {
    assert.match(await sendSecured("tls@test.example", "far@other.example", " REQUIRETLS"), /^250-REQUIRETLS\r$/m);
    const log = await logged("requiretls of tls is yes");
    assert.doesNotMatch(log, /requiretls of tls is no/);
    await sendSecured("control@test.example", "far@other.example", "");
    await logged("requiretls of control is yes");
    // The next hop has no TLS: both come back.
    for (const from of ["tls", "control"]) {
      const bounce = await delivered(`\nSubject: of ${from}@test.example\n`);
      assert.match(bounce, /^X-Failed-Recipients: far@other\.example$/m);
      assert.match(bounce, /^Status: 5\.7\.10$/m);
    }
    assert.ok(!fleet.peer.messages.some(({ content }) => /^Subject: of (tls|control)@/m.test(content)));
  });
});
