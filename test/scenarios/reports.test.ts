import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";

/** Python's email package, which shares no code with us. */
const PROGRAM = fileURLToPath(new URL("../../packages/dsn/test/programs/read-reports.py", import.meta.url));
const hasPython = spawnSync("python3", ["-c", "import email"]).status === 0;
const needsPython = hasPython ? {} : { skip: "python3 is not here: no independent parser" };

const policy = (mail: string, plain: number, dsn: number): string => `
primary_hostname = mx.test
qualify_domain = mx.test
daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
dsn_advertise_hosts = *
acl_smtp_rcpt = accept

begin routers
several:
  driver = redirect
  domains = several.test
  data = ok@dsn.test, ok@plain.test, box@local.test
local:
  driver = accept
  domains = local.test : sender.test
  transport = box
plain:
  driver = manualroute
  domains = plain.test
  route_data = 127.0.0.1::${plain}
  self = send
  transport = remote
dsn:
  driver = manualroute
  domains = dsn.test
  route_data = 127.0.0.1::${dsn}
  self = send
  transport = remote

begin transports
remote:
  driver = smtp
  allow_localhost
box:
  driver = appendfile
  directory = ${mail}/$domain_data
  maildir_format

begin retry
* * F,1h,1m
`;

interface Parsed {
  readonly type: string;
  readonly reportType: string;
  readonly defects: readonly string[];
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly parts: readonly { readonly type: string; readonly text: string }[];
  /** Of the message, then of each recipient. */
  readonly status: readonly Readonly<Record<string, string>>[];
}

interface Wanted {
  readonly action: string;
  readonly to: string;
  readonly status: string;
  /** Further fields about the recipient, by name; undefined: there is none. */
  readonly more: Readonly<Record<string, string | undefined>>;
  /** Of the third part, with RET=FULL. */
  readonly full: string;
}

const HEADERS = "text/rfc822-headers";

/** RFC 3464 §2.3 for the fields; RFC 3461 §5.2.2, §5.2.7.3 and §6.2 for what is told, and how much is returned. */
const WANTED: readonly Wanted[] = [
  {
    action: "delivered",
    to: "box@local.test",
    status: "2.0.0",
    more: { "Remote-MTA": undefined, "Diagnostic-Code": undefined },
    full: HEADERS,
  },
  {
    action: "relayed",
    to: "ok@plain.test",
    status: "2.6.7",
    more: { "Remote-MTA": "dns; 127.0.0.1", "Diagnostic-Code": "smtp; 250 2.6.7 taken" },
    full: HEADERS,
  },
  {
    action: "expanded",
    to: "x@several.test",
    status: "2.0.0",
    more: { "Remote-MTA": undefined, "Diagnostic-Code": undefined },
    full: HEADERS,
  },
  {
    action: "failed",
    to: "gone@plain.test",
    status: "5.1.1",
    more: { "Diagnostic-Code": "smtp; 550 5.1.1 no such user" },
    full: "message/rfc822",
  },
];
const RETURNS = ["FULL", "HDRS"] as const;
const nameOf = (ret: string, { action }: Wanted): string => `${action} ${ret}`;

describe("reports of the running program, read by Python's email package", needsPython, () => {
  const scope = { after };
  const reports = new Map<string, Parsed>();
  const asked: string[] = [];

  before(async () => {
    const plain = await startSmtpPeer({
      keywords: ["8BITMIME", "ENHANCEDSTATUSCODES"],
      answer({ moment, line }) {
        if (moment === "RCPT" && line.includes("gone@")) return "550 5.1.1 no such user";
        return moment === "end of data" ? "250 2.6.7 taken" : undefined;
      },
    });
    after(() => plain[Symbol.asyncDispose]());
    const dsn = await startSmtpPeer({ keywords: ["DSN"] });
    after(() => dsn[Symbol.asyncDispose]());
    const data = await temporaryDirectory(scope, "reports");
    const file = join(data, "p.conf");
    await writeFile(file, policy(join(data, "mail"), plain.port, dsn.port), "latin1");
    const postbus = await startPostbus({ args: ["--data", data, "--config", file] });
    after(() => postbus.stop());
    for (const ret of RETURNS) {
      for (const wanted of WANTED) {
        const replies = await speak(postbus.port("smtp"), [
          "EHLO client.test",
          `MAIL FROM:<ann@sender.test> RET=${ret} ENVID=QQ+2B1+3D`,
          `RCPT TO:<${wanted.to}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;${wanted.action}+2Bfirst@x.test`,
          "DATA",
          `From: ann@sender.test\r\nSubject: ${nameOf(ret, wanted)}\r\n\r\nbody that is returned\r\n.`,
          "QUIT",
        ]);
        assert.ok(
          replies.every((reply) => /^[23]/.test(reply)),
          replies.join("\n"),
        );
      }
    }
    const octets = (await messagesIn(join(data, "mail/sender.test"), RETURNS.length * WANTED.length)).map((text) =>
      Buffer.from(text, "latin1"),
    );
    const lengths = Buffer.from(`${JSON.stringify(octets.map(({ length }) => length))}\n`);
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: Buffer.concat([lengths, ...octets]) });
    for (const report of JSON.parse(String(stdout) || assert.fail(String(stderr))) as Parsed[]) {
      reports.set(/^Subject: (.*?)\r?$/m.exec(report.parts[2]?.text ?? "")?.[1] ?? "", report);
    }
    await eventually(async () => dsn.messages.length === RETURNS.length || undefined);
    asked.push(...dsn.commands.filter((line) => /^(?:MAIL|RCPT)/.test(line)));
  });

  for (const ret of RETURNS) {
    for (const wanted of WANTED) {
      const { action, to, status, more, full } = wanted;
      test(`${action}, RET=${ret}`, () => {
        const report = reports.get(nameOf(ret, wanted)) ?? assert.fail([...reports.keys()].join());
        const third = ret === "FULL" ? full : HEADERS;
        assert.deepEqual(report.defects, []);
        assert.deepEqual([report.type, report.reportType], ["multipart/report", "delivery-status"]);
        assert.deepEqual(
          report.parts.map(({ type }) => type),
          ["text/plain", "message/delivery-status", third],
        );
        assert.equal(report.parts[2]?.text.includes("body that is returned"), third !== HEADERS);
        assert.deepEqual(report.fields["To"], ["ann@sender.test"]);
        const [message = {}, recipient = {}, ...others] = report.status;
        assert.deepEqual(others, []);
        assert.equal(message["Reporting-MTA"], "dns; mx.test");
        assert.equal(message["Original-Envelope-Id"], "QQ+1=");
        assert.equal(recipient["Original-Recipient"], `rfc822;${action}+first@x.test`);
        assert.equal(recipient["Final-Recipient"], `rfc822;${to}`);
        assert.equal(recipient["Action"], action);
        assert.equal(recipient["Status"], status);
        for (const [name, value] of Object.entries(more)) assert.equal(recipient[name], value, name);
      });
    }
  }

  test("the host of whom an alias stands for is to tell of failures only (RFC 3461 §5.2.7.3)", () => {
    assert.deepEqual(
      asked,
      RETURNS.flatMap((ret) => [
        `MAIL FROM:<ann@sender.test> RET=${ret} ENVID=QQ+2B1+3D`,
        "RCPT TO:<ok@dsn.test> NOTIFY=FAILURE ORCPT=rfc822;expanded+2Bfirst@x.test",
      ]),
    );
  });
});
