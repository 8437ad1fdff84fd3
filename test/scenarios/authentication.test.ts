import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { eximAsClient, eximCommand, freePort } from "@postbus/testkit";
import nodemailer from "nodemailer";
import { eventually } from "../support/eventually.ts";
import { type Running, runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

const run = promisify(execFile);

/** Nobody sends without having shown who it is. */
const POLICY = `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept authenticated = *
keep_environment = POSTBUS_DATA
begin acl
begin routers
local:
  driver = accept
  domains = example.test
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = \${env{POSTBUS_DATA}}/mail/\${file_name:$domain}/\${file_name:$local_part}
  maildir_format
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{ann}}{eq{$auth3}{open sesame}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{$auth1}{ann}}{eq{$auth2}{open sesame}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${if eq{$auth1}{ann}{open sesame}fail}
  server_set_id = $auth1
`;

async function started(): Promise<Running> {
  const directory = await temporaryDirectory({ after }, "policy");
  const file = join(directory, "policy");
  await writeFile(file, POLICY);
  return runningPostbus({ after }, "--config", file);
}

describe("clients show who they are, and may send then", async () => {
  const running = await started();
  const port = (): number => running.postbus.port("smtp");
  const server = (): string[] => ["--server", `127.0.0.1:${port()}`, "--from", "a@sender.test"];

  for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5"]) {
    test(`swaks, ${mechanism}`, async (t) => {
      const swaks = needs(t, "swaks");
      if (swaks === undefined) return;
      const to = `${mechanism.toLowerCase()}@example.test`;
      const words = [...server(), "--to", to, "--auth", mechanism, "--auth-user", "ann"];
      const { stdout } = await run(swaks, [...words, "--auth-password", "open sesame"]);
      assert.match(stdout, /<-\s+235 /);
      assert.match(stdout, /<-\s+250 .*id=/);
      assert.equal((await messagesIn(running.mailbox(mechanism.toLowerCase()))).length, 1);
      assert.match(await refusal(swaks, [...words, "--auth-password", "sesame"]), /<\*\* 535/);
    });
  }

  test("nodemailer", async () => {
    const auth = { user: "ann", pass: "open sesame" };
    const transport = nodemailer.createTransport({ host: "127.0.0.1", port: port(), ignoreTLS: true, auth });
    const { response } = await transport.sendMail({ from: "a@sender.test", to: "n@example.test", text: "hello" });
    transport.close();
    assert.match(response, /^250 /);
  });

  for (const [name, options] of [
    ["plain", "driver = plaintext\n  public_name = PLAIN\n  client_send = ^ann^open sesame"],
    ["cram", "driver = cram_md5\n  public_name = CRAM-MD5\n  client_name = ann\n  client_secret = open sesame"],
  ] as const) {
    test(`Exim, ${name}`, async (t) => {
      if (needs(t, "exim-4.96") === undefined) return;
      const directory = await temporaryDirectory(t, "exim-client");
      const authenticator = `begin authenticators\n${name}:\n  ${options}\n`;
      const config = eximAsClient(port(), "hosts_require_auth = *", authenticator);
      const [command = "", ...args] = eximCommand("exim-4.96", config, { port: await freePort(), directory });
      const child = run(command, [...args, "-odi", "-f", "a@exim.test", `exim-${name}@example.test`]);
      child.child.stdin?.end("Subject: by Exim\n\nbody\n");
      await child;
      const [message = ""] = await messagesIn(running.mailbox(`exim-${name}`));
      assert.match(message, /^Received: [\s\S]*?\bwith ESMTPA\b/m);
    });
  }

  test("who does not, may not", async (t) => {
    const swaks = needs(t, "swaks");
    if (swaks === undefined) return;
    assert.match(await refusal(swaks, [...server(), "--to", "nobody@example.test"]), /<\*\* 550/);
  });

  test("the log says who it was, by which authenticator, and who has failed", async () => {
    const path = join(running.data, "log", "mainlog");
    await eventually(async () => {
      const text = await readFile(path, "latin1");
      return ["plain", "login", "cram"].every((name) => text.includes(` P=esmtpa A=${name}:ann S=`)) || undefined;
    });
    await eventually(async () => {
      const text = await readFile(join(running.data, "log", "rejectlog"), "latin1");
      return /plain authenticator failed.*535 Incorrect authentication data \(set_id=ann\)/.test(text) || undefined;
    });
  });
});

/** What swaks shows of a session in which it was told no. */
async function refusal(swaks: string, words: readonly string[]): Promise<string> {
  const { stdout } = await run(swaks, [...words]).then(
    () => assert.fail("it was let in"),
    (err: { stdout: string }) => err,
  );
  return stdout;
}
