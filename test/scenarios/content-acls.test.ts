import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { type DnsZone, eximAsClient, eximCommand, freePort, startDnsServer } from "@postbus/testkit";
import { runningProgram, speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

const run = promisify(execFile);

/** The whole program: what a message is made of, and who has signed it, decides. */
const POLICY = `primary_hostname = mx.test.example
acl_smtp_rcpt = accept
acl_smtp_dkim = signer
acl_smtp_mime = part
acl_smtp_data = whole
log_selector = +all
begin acl
signer:
  deny   dkim_status = fail
         message = $dkim_cur_signer has not signed this: $dkim_verify_reason
  accept add_header = X-Signer: $dkim_cur_signer $dkim_verify_status $dkim_selector $dkim_algo $dkim_key_length
part:
  deny   condition = \${if match{\${lc:$mime_filename}}{\\N\\.exe$\\N}}
         message = $mime_filename is a program
  warn   decode = default
         condition = \${if eq{$mime_content_type}{text/html}}
         add_header = X-Html: $mime_content_size \${length_5:\${readfile{$mime_decoded_filename}}}
  accept
whole:
  accept add_header = X-Seen: $dkim_verify_status, $mime_part_count
begin routers
local:
  driver = accept
  transport = local_delivery
begin transports
local_delivery:
  driver = appendfile
  file = ./mail/$local_part_data
begin retry
* * F,1h,5m
`;

const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const other = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const record = (key: Buffer): string => `v=DKIM1; k=rsa; p=${key.toString("base64")}`;
const ZONE: DnsZone = {
  "good._domainkey.exim.test": { TXT: [record(keys.publicKey)] },
  "other._domainkey.exim.test": { TXT: [record(other.publicKey)] },
};

const MIXED = `Subject: parts
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

plain
--b
Content-Type: text/html
Content-Transfer-Encoding: base64

PGI+aGVsbG88L2I+
--b--
`;

/** Exim's bounce is signed with the same key, and refused, too. */
const REFUSED = /\(exim\.test\) .* rejected DKIM /g;

const dns = await startDnsServer(ZONE);
after(() => dns.stop());
const program = await runningProgram({ after }, POLICY, { POSTBUS_DNS_SERVERS: dns.address });

describe("messages whose signers and parts are looked at", () => {
  for (const version of ["exim-4.96", "exim-4.98", "exim-4.100"] as const) {
    test(`signed by ${version}`, async (t) => {
      if (needs(t, version) === undefined) return;
      const directory = await temporaryDirectory(t, "exim-signs");
      const key = join(directory, "key.pem");
      await writeFile(key, keys.privateKey, { mode: 0o644 });
      const send = async (selector: string): Promise<string> => {
        const options = `dkim_domain = exim.test\n  dkim_selector = ${selector}\n  dkim_private_key = ${key}`;
        const config = eximAsClient(program.port, options);
        const [command = "", ...args] = eximCommand(version, config, { port: await freePort(), directory });
        const child = run(command, [...args, "-odi", "-f", "a@exim.test", "b@test.example"]);
        child.child.stdin?.end(`From: a@exim.test\nX-By: ${version}\n${MIXED}`);
        return (await child).stderr;
      };
      await send("good");
      const message = await eventually(async () => {
        const messages = await messagesIn(program.maildir);
        return messages.find((text) => text.includes(`X-By: ${version}\n`));
      });
      assert.match(message, /^DKIM-Signature: .*d=exim\.test/m);
      assert.match(message, /^X-Signer: exim\.test pass good rsa-sha256 2048$/m);
      assert.match(message, /^X-Html: 1 <b>he$/m);
      assert.match(message, /^X-Seen: pass, 2$/m);
      // The key of the signature is another one.
      const refused = (await readFile(program.mainlog, "latin1")).match(REFUSED)?.length ?? 0;
      await send("other");
      const log = await eventually(async () => {
        const text = await readFile(program.mainlog, "latin1");
        return (text.match(REFUSED)?.length ?? 0) >= refused + 2 ? text : undefined;
      });
      assert.match(log, / rejected DKIM : exim\.test has not signed this: signature_incorrect/);
      const scan = join(dirname(program.maildir), "scan");
      await eventually(async () => (existsSync(scan) && readdirSync(scan).length > 0 ? undefined : true));
    });
  }

  test("with a program in one of the parts", async () => {
    const evil = MIXED.replace("text/html", 'text/html; name="=?utf-8?q?x=2Eexe?="');
    const data = ["From: a@b.test", ...evil.split("\n").slice(0, -1), "."].join("\r\n");
    const replies = await speak(program.port, [
      "EHLO c",
      "MAIL FROM:<a@b.test>",
      "RCPT TO:<b@test.example>",
      "DATA",
      data,
    ]);
    assert.match(replies.at(-1) ?? "", /^550 5\.0\.0 x\.exe is a program/);
  });
});
