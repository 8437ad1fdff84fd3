import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import {
  freePort,
  makeCertificate,
  type PeerQuestion,
  program,
  startExim,
  startPostbus,
  startSmtpPeer,
} from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { normalised } from "../support/normalised.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

/** Next hops, each with a transport of its name. */
interface Hop {
  readonly name: string;
  readonly port: number;
  /** Of its transport, one a line. */
  readonly options?: readonly string[];
}

const policy = (hops: readonly Hop[]): string => `
primary_hostname = mx.a2.test
log_selector = +all
acl_smtp_rcpt = accept

begin routers
${hops.map(({ name }) => router(name)).join("")}
begin transports
${hops.map(transport).join("")}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^user^pass

begin retry
* * F,1h,1h
`;

const router = (name: string): string => `${name}:
  driver = manualroute
  domains = ${name}.test
  transport = ${name}
  route_list = * 127.0.0.1
  self = send
`;

const transport = ({ name, port, options = [] }: Hop): string => `${name}:
  driver = smtp
  port = ${port}
  allow_localhost
  connection_max_messages = 1
${options.map((line) => `  ${line}\n`).join("")}  EXIM_USER
`;

const CASES: readonly { readonly name: string; readonly recipients: readonly string[]; readonly count: number }[] = [
  { name: "EHLO, AUTH, and a further recipient", recipients: ["u1@login.test", "u2@login.test"], count: 2 },
  { name: "EHLO", recipients: ["u@plain.test"], count: 1 },
  { name: "HELO where EHLO is refused", recipients: ["u@helo.test"], count: 1 },
  { name: "EHLO and HELO are refused", recipients: ["u@never.test"], count: 1 },
  { name: "the greeting is a refusal", recipients: ["u@closed.test"], count: 1 },
  { name: "STARTTLS", recipients: ["u@tls.test"], count: 1 },
  { name: "TLS before the greeting", recipients: ["u@smtps.test"], count: 1 },
  { name: "LHLO", recipients: ["u@lmtp.test"], count: 1 },
  { name: "one is refused, then one is taken", recipients: ["bad@plain.test", "u@plain.test"], count: 2 },
  { name: "one is put off, then one is taken", recipients: ["slow@plain.test", "u@plain.test"], count: 2 },
  { name: "two are refused, in TLS", recipients: ["bad@tls.test", "bad2@tls.test"], count: 2 },
  { name: "STARTTLS with a host that is not to be trusted, then in clear", recipients: ["u@strict.test"], count: 1 },
  { name: "through a proxy", recipients: ["u@socks.test", "bad@socks.test"], count: 2 },
];

const said = ({ moment, line }: PeerQuestion) => {
  if (moment === "AUTH") return "235 ok";
  if (moment !== "RCPT") return undefined;
  if (line.includes("bad")) return "550 no such user";
  return line.includes("slow") ? "450 later" : undefined;
};

/** Lines about attempts, each case's apart. */
async function linesOf(port: number, directory: string): Promise<readonly (readonly string[])[]> {
  const mainlog = join(directory, "mainlog");
  const lines: (readonly string[])[] = [];
  let before = 0;
  for (const { recipients, count } of CASES) {
    const commands = recipients.map((recipient) => `RCPT TO:<${recipient}>`);
    const message = "From: <s@c.test>\nSubject: x\n\nbody\n.";
    await runScript(port, ["EHLO c.test", "MAIL FROM:<>", ...commands, "DATA", message, "QUIT"]);
    const now = await eventually(async () => {
      const text = (await readFile(mainlog, "latin1")).slice(before);
      return (text.match(ATTEMPT)?.length ?? 0) >= count ? text : undefined;
    });
    before += now.length;
    lines.push(
      normalised(now)
        .filter((line) => / (=>|->|==|\*\*) /.test(line))
        .map(comparable)
        .toSorted(),
    );
  }
  return lines;
}

const ATTEMPT = / (=>|->|==|\*\*) .*\n/g;

/** 4.100 has other separators, no numbers of its own, and the group of the key exchange behind a cipher; libraries of TLS name suites and subjects in their ways. */
const comparable = (line: string): string =>
  line
    .replace(/ : (?=\S)/, ": ")
    .replace(/ defer \(-?\d+\)/, " defer")
    .replace(/ X=\S+/, " X=CIPHER")
    .replace(' DN="/', ' DN="')
    .replace(/ (H=\S+ \[127\.0\.0\.1\]:PORT)\*/, " $1");

describe("lines of deliveries say how the session came about", () => {
  for (const name of ["exim-4.98", "exim-4.100"]) {
    test(name, { timeout: 120_000 }, async (t) => {
      const socks = program("microsocks");
      if (needs(t, name) === undefined) return;
      const { certificate, privateKey } = makeCertificate("mx.test");
      const tls = createSecureContext({ cert: certificate, key: privateKey });
      await using plain = await startSmtpPeer({ answer: said, keywords: ["8BITMIME"] });
      await using login = await startSmtpPeer({ answer: said, keywords: ["PIPELINING", "AUTH PLAIN", "CHUNKING"] });
      const refusing = (...moments: string[]) => ({
        answer: (question: PeerQuestion) => (moments.includes(question.moment) ? "550 no" : said(question)),
      });
      await using helo = await startSmtpPeer(refusing("EHLO"));
      await using never = await startSmtpPeer(refusing("EHLO", "HELO"));
      await using closed = await startSmtpPeer(refusing("connect"));
      await using starttls = await startSmtpPeer({ answer: said, tls, keywords: ["PIPELINING"] });
      await using smtps = await startSmtpPeer({ answer: said, tls, startsWithTls: true });
      const proxy = await freePort();
      if (socks !== undefined) {
        const running = spawn(socks, ["-i", "127.0.0.1", "-p", String(proxy)], { stdio: "ignore" });
        t.after(() => running.kill());
      } else t.diagnostic("no microsocks here: no proxy is compared");
      const text = policy([
        { name: "plain", port: plain.port },
        { name: "login", port: login.port, options: ["hosts_try_auth = *"] },
        { name: "helo", port: helo.port },
        { name: "never", port: never.port },
        { name: "closed", port: closed.port },
        { name: "tls", port: starttls.port },
        { name: "strict", port: starttls.port, options: ["tls_verify_hosts = *"] },
        { name: "smtps", port: smtps.port, options: ["protocol = smtps"] },
        { name: "lmtp", port: plain.port, options: ["protocol = lmtp"] },
        {
          name: "socks",
          port: plain.port,
          options: socks === undefined ? [] : [`socks_proxy = 127.0.0.1 port=${proxy}`],
        },
      ]);
      const directory = await temporaryDirectory(t, "lines");
      const config = join(directory, "postbus.conf");
      const own = text.replaceAll("EXIM_USER", "");
      await writeFile(config, `local_interfaces = 127.0.0.1\ndaemon_smtp_ports = 0\n${own}`);
      const postbus = await startPostbus({ args: ["--data", join(directory, "data"), "--config", config] });
      const ours = await linesOf(postbus.port("smtp"), join(directory, "data", "log")).finally(() => postbus.stop());

      const eximDirectory = await temporaryDirectory(t, "exim-lines");
      const exim = await startExim(name, text, { port: await freePort(), directory: eximDirectory });
      const theirs = await linesOf(exim.port, join(eximDirectory, "log")).finally(() => exim.stop());
      const hidesSteps = !theirs.flat().some((line) => line.includes(" PS="));
      assert.equal(hidesSteps, name === "exim-4.98");
      for (const [i, { name: of }] of CASES.entries()) {
        const shown = ours[i]?.map((line) => (hidesSteps ? line.replace(/ PS=\w+/, "") : line));
        assert.deepEqual(shown, theirs[i], of);
      }
    });
  }
});
