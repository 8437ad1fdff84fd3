import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { createResolver, parseServers } from "@postbus/dns";
import { checkMessage, type DkimSigner, signMessage } from "@postbus/mail-auth";
import {
  type DnsZone,
  eximAsClient,
  eximCommand,
  freePort,
  program,
  startDnsServer,
  startSmtpPeer,
} from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { askMilter } from "../support/milter-client.ts";

/*
 * Signatures of ours before a real Exim, and those of Exim and opendkim before us. (dkimpy, and opendkim as a verifier, are in
 * packages/mail-auth/test/signing/independent.test.ts. The Exims here know no ARC: a chain of one that does is a fixture there.)
 */

const exim = program("exim-4.98");
const opendkim = program("opendkim");
const unshare = process.getuid?.() === 0 ? program("unshare") : undefined;
const HELPER = resolve(import.meta.dirname, "../support/exim-with-dns.ts");

const pair = (type: "rsa" | "ed25519") => {
  const { privateKey, publicKey } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
  const der = publicKey.export({ type: "spki", format: "der" });
  const p = (type === "rsa" ? der : der.subarray(-32)).toString("base64");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { pem, key: { key: createPrivateKey(pem), type }, record: `v=DKIM1; k=${type}; p=${p}` };
};
const keys = { rsa: pair("rsa"), ed25519: pair("ed25519") };
const ZONE: DnsZone = {
  "rsa._domainkey.hop.example": { TXT: [keys.rsa.record] },
  "ed25519._domainkey.hop.example": { TXT: [keys.ed25519.record] },
};

const message = [
  "From: Ann  <ann@hop.example>",
  "To: joe@example.org,",
  "\tjim@example.org",
  "Subject: two   blanks ",
  "Date: Sat, 28 Nov 2026 12:00:00 +0000",
  "",
  "Hello.  ",
  "",
  " \t more \t",
  "..dots",
  "",
  "",
].join("\r\n");

const kinds = [
  ["rsa", "relaxed"],
  ["rsa", "simple"],
  ["ed25519", "relaxed"],
  ["ed25519", "simple"],
] as const;

const resolverFor = async (t: { after(end: () => Promise<void>): void }) => {
  const dns = await startDnsServer(ZONE);
  t.after(() => dns.stop());
  return createResolver({ servers: parseServers(dns.address) });
};

test("our signatures before Exim: right, and wrong when the message was changed", {
  skip:
    (exim === undefined && "no exim-4.98 here: nothing is compared") ||
    (unshare === undefined && "not root, or no unshare here: nothing is compared"),
  timeout: 600_000,
}, async (t) => {
  const directory = await temporaryDirectory(t, "signatures");
  const file = (name: string): string => join(directory, name);
  // Exim gives root up before it writes content down.
  await chmod(directory, 0o777);
  await writeFile(file("zone.json"), JSON.stringify(ZONE));
  await writeFile(file("resolv.conf"), "nameserver 127.0.0.1\n");
  await writeFile(
    file("exim.conf"),
    `primary_hostname = mx.test
spool_directory = ${directory}
log_file_path = ${directory}/%slog
host_lookup =
acl_smtp_rcpt = accept
acl_smtp_dkim = d
acl_smtp_data = accept
begin acl
d:
  accept logwrite = told $dkim_selector $dkim_algo $dkim_canon_headers $dkim_verify_status $dkim_verify_reason
`,
  );
  const lines = ["EHLO c"];
  const expected: string[] = [];
  for (const [type, canonicalization] of kinds) {
    const signer: DkimSigner = {
      ...{ domain: "hop.example", selector: type, key: keys[type].key, canonicalization, hash: "sha256" },
      fields: ["From", "From", "+Subject", "To", "Cc"],
    };
    const { fields } = await signMessage(Buffer.from(message, "latin1"), { dkim: [signer] }, Date.now());
    for (const [content, told] of [
      [message, "pass"],
      [message.replace("Hello", "Goodbye"), "fail bodyhash_mismatch"],
      [message.replace("Ann", "Eve"), "fail signature_incorrect"],
    ] as const) {
      const dotted = (fields + content).replaceAll(/^\./gm, "..");
      lines.push("MAIL FROM:<a@b.example>", "RCPT TO:<x@test>", "DATA", `${dotted}.`);
      expected.push(`told ${type} ${type}-sha256 ${canonicalization} ${told}`);
    }
  }
  const script = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  const own = [process.execPath, HELPER, file("zone.json"), exim ?? "", "-C", file("exim.conf"), "-bh", "192.0.2.1"];
  const child = spawn(unshare ?? "", ["-m", "-n", "sh", "-c", script, "sh", file("resolv.conf"), ...own], {
    stdio: ["pipe", "ignore", "pipe"],
    timeout: 300_000,
  });
  child.stdin.end([...lines, "QUIT", ""].join("\r\n"), "latin1");
  const said = await text(child.stderr.setEncoding("latin1"));
  const told = said.split("\n").flatMap((line) => /^LOG: \S+ (told .*?) *$/.exec(line)?.[1] ?? []);
  assert.deepEqual(told, expected, said);
});

describe("signatures of Exim before us", {
  skip: exim === undefined && "no exim-4.98 here: nothing is compared",
}, () => {
  for (const [type, canonicalization] of kinds) {
    test(`${type}, ${canonicalization}: right, and wrong when the message was changed`, async (t) => {
      const resolver = await resolverFor(t);
      const directory = await temporaryDirectory(t, "exim-signs");
      const keyFile = join(directory, "key.pem");
      await writeFile(keyFile, keys[type].pem, { mode: 0o644 });
      const peer = await startSmtpPeer();
      t.after(() => peer[Symbol.asyncDispose]());
      const options = [
        "dkim_domain = hop.example",
        `dkim_selector = ${type}`,
        `dkim_private_key = ${keyFile}`,
        `dkim_canon = ${canonicalization}`,
      ];
      const config = eximAsClient(peer.port, options.join("\n"));
      const [command = "", ...args] = eximCommand("exim-4.98", config, { port: await freePort(), directory });
      const child = spawn(command, [...args, "-odi", "-f", "ann@hop.example", "joe@example.org"], {
        stdio: ["pipe", "ignore", "pipe"],
        timeout: 60_000,
      });
      child.stdin.end(message.replaceAll("\r\n", "\n"), "latin1");
      const complaint = await text(child.stderr);
      const { content } = await eventually(async () => peer.messages[0]);
      const resultsOf = async (octets: string): Promise<readonly string[]> =>
        (await checkMessage(Buffer.from(octets, "latin1"), {}, resolver)).dkim.map(({ result }) => result);
      assert.deepEqual(await resultsOf(content), ["pass"], `${content}\n${complaint}`);
      assert.deepEqual(await resultsOf(content.replace("Hello", "Goodbye")), ["fail"]);
      assert.deepEqual(await resultsOf(content.replace("Ann", "Eve")), ["fail"]);
    });
  }
});

describe("signatures of opendkim before us", {
  skip: opendkim === undefined && "no opendkim here: nothing is compared",
}, () => {
  for (const canonicalization of ["relaxed", "simple"]) {
    test(`${canonicalization}: right, and wrong when the message was changed`, async (t) => {
      const resolver = await resolverFor(t);
      const directory = await temporaryDirectory(t, "opendkim");
      const keyFile = join(directory, "key.pem");
      await writeFile(keyFile, keys.rsa.pem, { mode: 0o600 });
      const port = await freePort();
      const configuration = join(directory, "opendkim.conf");
      await writeFile(
        configuration,
        `Mode s
Syslog no
Background no
Domain hop.example
Selector rsa
KeyFile ${keyFile}
Canonicalization ${canonicalization}/${canonicalization}
InternalHosts 127.0.0.1
RequireSafeKeys no
Socket inet:${port}@127.0.0.1
`,
      );
      const child = spawn(opendkim ?? "", ["-x", configuration, "-f"], { stdio: ["ignore", "ignore", "pipe"] });
      t.after(async () => void child.kill());
      await eventually(() => isOpen(port));
      const fields = await askMilter(port, message);
      assert.match(fields, /^DKIM-Signature: v=1; a=rsa-sha256; c=/m, fields);
      const resultsOf = async (octets: string): Promise<readonly string[]> =>
        (await checkMessage(Buffer.from(octets, "latin1"), {}, resolver)).dkim.map(({ result }) => result);
      assert.deepEqual(await resultsOf(fields + message), ["pass"], fields);
      assert.deepEqual(await resultsOf(fields + message.replace("Hello", "Goodbye")), ["fail"]);
      assert.deepEqual(await resultsOf(fields + message.replace("Ann", "Eve")), ["fail"]);
    });
  }
});

/** Whether somebody listens there; undefined: not yet. */
async function isOpen(port: number): Promise<true | undefined> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(undefined));
  }).finally(() => socket.destroy()) as Promise<true | undefined>;
}
