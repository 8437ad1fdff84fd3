import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { program } from "@postbus/testkit";
import { checkMessage, type DkimSigner, readSigningKey, signMessage } from "../../src/index.ts";
import { ourKey, sealed } from "../arc/sealed.ts";
import { resolverFor } from "../dns-lab.ts";

/*
 * Signed by us and verified by programs that know nothing of us, and the other way round: Debian's python3-dkim, opendkim and,
 * in Perl, libmail-dkim-perl.
 */

// The system's own, for which Debian's packages are; another one may come first in the PATH.
const python = ["/usr/bin/python3", program("python3") ?? ""].find(
  (path) => spawnSync(path, ["-c", "import dkim, nacl"]).status === 0,
);
const opendkim = program("opendkim");
const withDkimpy = python !== undefined ? {} : { skip: "python3-dkim and python3-nacl are not installed" };
const perl = program("perl");
const withMailDkim =
  perl !== undefined && spawnSync(perl, ["-MMail::DKIM::ARC::Signer", "-MNet::DNS", "-e1"]).status === 0
    ? {}
    : { skip: "libmail-dkim-perl is not installed" };
const withOpendkim = opendkim === undefined ? { skip: "opendkim is not installed" } : {};

const directory = mkdtempSync(join(tmpdir(), "postbus-signing-"));
after(() => rmSync(directory, { recursive: true }));

const resolver = await resolverFor(ourKey.zone, 5_000);
const message = [
  "From: Ann  <ann@hop.example>",
  "To: joe@example.org,",
  "\tjim@example.org",
  "Subject:  two   blanks ",
  "Date: Sat, 28 Nov 2026 12:00:00 +0000",
  "",
  "Hello.  ",
  "",
  " \t more \t",
  "",
  "",
].join("\r\n");

/** What a Python program says, which gets a message and knows our keys. */
function dkimpy(body: string, input: string): string {
  const records = {
    "rsa._domainkey.hop.example.": ourKey.records.rsa,
    "ed25519._domainkey.hop.example.": ourKey.records.ed25519,
  };
  const script = [
    "import dkim, json, sys",
    `records = json.loads(${JSON.stringify(JSON.stringify(records))})`,
    "def dns(name, timeout=5):",
    "    return records.get(name.decode()).encode()",
    "message = sys.stdin.buffer.read()",
    body,
  ].join("\n");
  const ran = spawnSync(python ?? "", ["-c", script], { input: Buffer.from(input, "latin1") });
  assert.equal(ran.status, 0, ran.stderr.toString());
  return ran.stdout.toString("latin1");
}

const signers: readonly [type: "rsa" | "ed25519", canonicalization: "simple" | "relaxed", fields: readonly string[]][] =
  [
    ["rsa", "relaxed", ["From", "From", "Subject", "To", "Cc"]],
    ["rsa", "simple", ["From", "Subject", "To"]],
    ["ed25519", "relaxed", ["+From", "=Subject", "To"]],
    ["ed25519", "simple", ["From"]],
  ];

async function signedBy([type, canonicalization, fields]: (typeof signers)[number], text = message): Promise<string> {
  const key = readSigningKey(ourKey.pem[type]);
  const signer: DkimSigner = { domain: "hop.example", selector: type, key, canonicalization, hash: "sha256", fields };
  const made = await signMessage(Buffer.from(text, "latin1"), { dkim: [signer] }, Date.now());
  return made.fields + text;
}

test("dkimpy finds our signatures right, and those of a changed message wrong", withDkimpy, async () => {
  for (const how of signers) {
    const text = await signedBy(how);
    const said = dkimpy("print(dkim.verify(message, dnsfunc=dns), dkim.verify(message + b'x', dnsfunc=dns))", text);
    assert.equal(said.trim(), "True False", how.join(" "));
  }
});

test("dkimpy finds our seals right, one and three of them", withDkimpy, async () => {
  let text = await sealed(message, { results: "arc=none", hasTimestamps: true, afterS: 3600 });
  const verify = "cv, results, reason = dkim.arc_verify(message, dnsfunc=dns)\nprint(cv.decode(), reason)";
  assert.match(dkimpy(verify, text), /^pass /);
  for (let i = 0; i < 2; i++) text = await sealed(text, { results: "spf=pass smtp.mailfrom=a.example;\r\n\tarc=pass" });
  assert.match(dkimpy(verify, text), /^pass /);
  assert.match(dkimpy(verify, text.replace("Hello.", "Goodbye.")), /^fail /);
});

test("we find signatures and seals of dkimpy right", withDkimpy, async () => {
  const key = JSON.stringify(ourKey.pem.rsa);
  const sign = `
key = ${key}.encode()
for how in [(b'relaxed', b'relaxed'), (b'simple', b'simple'), (b'relaxed', b'simple')]:
    message = dkim.sign(message, b'rsa', b'hop.example', key, canonicalize=how) + message
sys.stdout.buffer.write(message)`;
  const facts = await checkMessage(Buffer.from(dkimpy(sign, message), "latin1"), {}, resolver);
  assert.deepEqual(
    facts.dkim.map(({ result }) => result),
    ["pass", "pass", "pass"],
  );
  const seal = `
key = ${key}.encode()
for state in [b'none', b'pass']:
    # It would take the results of the hop before, which here has the same name.
    message = message.replace(b'Authentication-Results: hop.example; arc=none\\r\\n', b'')
    message = b'Authentication-Results: hop.example; arc=' + state + b'\\r\\n' + message
    message = b''.join(dkim.arc_sign(message, b'rsa', b'hop.example', key, b'hop.example')) + message
sys.stdout.buffer.write(message)`;
  const text = dkimpy(seal, message);
  const { arc } = await checkMessage(Buffer.from(text, "latin1"), { wantsArc: true }, resolver);
  assert.deepEqual([arc?.result, arc?.instance, arc?.oldestPass], ["pass", 2, 1]);
  const mixed = await sealed(text, { results: "arc=pass" });
  const verify = "print(dkim.arc_verify(message, dnsfunc=dns)[0].decode())";
  assert.equal(dkimpy(verify, mixed).trim(), "pass", "a chain that both have worked on");
});

test("we find Ed25519 signatures of dkimpy right, and those of a changed message wrong", withDkimpy, async () => {
  // The library wants the 32 octets of the key alone, which stand at the end of their DER.
  const seed = createPrivateKey(ourKey.pem.ed25519).export({ type: "pkcs8", format: "der" }).subarray(-32);
  const sign = `
key = b'${seed.toString("base64")}'
for how in [(b'relaxed', b'relaxed'), (b'simple', b'simple')]:
    made = dkim.sign(message, b'ed25519', b'hop.example', key, canonicalize=how, signature_algorithm=b'ed25519-sha256')
    message = made + message
sys.stdout.buffer.write(message)`;
  const text = dkimpy(sign, message);
  for (const [octets, expected] of [
    [text, "pass"],
    [text.replace("Hello", "Goodbye"), "fail"],
  ] as const) {
    const { dkim } = await checkMessage(Buffer.from(octets, "latin1"), {}, resolver);
    assert.deepEqual(
      dkim.map(({ result }) => result),
      [expected, expected],
    );
  }
});

test("opendkim finds our RSA signatures right, and those of a changed message wrong", withOpendkim, async () => {
  const keys = join(directory, "keys");
  writeFileSync(keys, `rsa._domainkey.hop.example ${ourKey.records.rsa}\n`);
  const configuration = join(directory, "opendkim.conf");
  writeFileSync(configuration, `Mode v\nSyslog no\nTestPublicKeys ${keys}\n`);
  for (const how of signers.filter(([type]) => type === "rsa")) {
    // In its test mode, it takes blanks off the beginning of a field.
    const text = await signedBy(how, message.replace(":  two", ": two"));
    for (const [sent, verified] of [
      [text, true],
      [`${text}x`, false],
    ] as const) {
      const file = join(directory, "message");
      // It makes CRLF of the ends of lines.
      writeFileSync(file, Buffer.from(sent.replaceAll("\r\n", "\n"), "latin1"));
      const ran = spawnSync(opendkim ?? "", ["-x", configuration, "-vv", "-t", file], { timeout: 20_000 });
      const said = `${ran.stdout}${ran.stderr}`;
      assert.equal(/verification \(s=rsa[^)]*\) succeeded/.test(said), verified, said);
    }
  }
});

/** What a Perl program says, which has a message in `$message`, our RSA key in `$key`, and finds it in the DNS. */
function mailDkim(body: string, input: string): string {
  const script = `
use strict; use warnings;
use Mail::DKIM::Signer; use Mail::DKIM::Verifier; use Mail::DKIM::PrivateKey;
use Mail::DKIM::ARC::Signer; use Mail::DKIM::ARC::Verifier; use Net::DNS;
sub OneKey::send {
  my ($self, $name) = @_;
  my $packet = Net::DNS::Packet->new($name, 'TXT');
  my @pieces = $ENV{RECORD} =~ /(.{1,200})/g;
  $packet->push(answer => Net::DNS::RR->new(name => $name, type => 'TXT', ttl => 60, txtdata => \\@pieces))
    if $name eq 'rsa._domainkey.hop.example';
  return $packet;
}
Mail::DKIM::DNS::resolver(bless {}, 'OneKey');
my $key = Mail::DKIM::PrivateKey->load(Data => $ENV{KEY});
my $message = do { local $/; <STDIN> };
sub read_by { my ($reader, $text) = @_; $reader->PRINT($text); $reader->CLOSE; return $reader }
${body}`;
  const env = { RECORD: ourKey.records.rsa, KEY: ourKey.pem.rsa.replaceAll(/-----.*-----|\s/g, "") };
  const ran = spawnSync(perl ?? "", ["-e", script], { input: Buffer.from(input, "latin1"), env, timeout: 20_000 });
  assert.equal(ran.status, 0, ran.stderr.toString());
  return ran.stdout.toString("latin1");
}

const PERL_SAYS = "print read_by(Mail::DKIM::ARC::Verifier->new, $message)->result";

test("Mail::DKIM finds our RSA signatures right, and those of a changed message wrong", withMailDkim, async () => {
  const verify = `print join ' ', map { read_by(Mail::DKIM::Verifier->new, $_)->result } $message, "\${message}x\\r\\n"`;
  for (const how of signers.filter(([type]) => type === "rsa")) {
    assert.equal(mailDkim(verify, await signedBy(how)), "pass fail", how.join(" "));
  }
});

test("Mail::DKIM finds our seals right, one and three of them", withMailDkim, async () => {
  let text = await sealed(message, { results: "arc=none", hasTimestamps: true, afterS: 3600 });
  assert.equal(mailDkim(PERL_SAYS, text), "pass");
  for (let i = 0; i < 2; i++) text = await sealed(text, { results: "spf=pass smtp.mailfrom=a.example;\r\n\tarc=pass" });
  assert.equal(mailDkim(PERL_SAYS, text), "pass");
  assert.equal(mailDkim(PERL_SAYS, text.replace("Hello.", "Goodbye.")), "fail");
});

test(
  "we find signatures and seals of Mail::DKIM right, and a chain that both have worked on",
  withMailDkim,
  async () => {
    const sign = `
for my $how (qw(relaxed/relaxed simple/simple relaxed/simple)) {
  my %how = (Algorithm => 'rsa-sha256', Method => $how, Domain => 'hop.example', Selector => 'rsa', Key => $key);
  my $signer = read_by(Mail::DKIM::Signer->new(%how), $message);
  $message = $signer->signature->as_string . "\\r\\n" . $message;
}
print $message`;
    const facts = await checkMessage(Buffer.from(mailDkim(sign, message), "latin1"), {}, resolver);
    assert.deepEqual(
      facts.dkim.map(({ result }) => result),
      ["pass", "pass", "pass"],
    );
    const seal = `
for my $chain (qw(none pass)) {
  $message =~ s/^Authentication-Results: hop.example; arc=none\\r\\n//m;
  $message = "Authentication-Results: hop.example; arc=$chain\\r\\n" . $message;
  my %how = (Algorithm => 'rsa-sha256', Domain => 'hop.example', Selector => 'rsa', Key => $key, Chain => $chain);
  my $signer = read_by(Mail::DKIM::ARC::Signer->new(SrvId => 'hop.example', %how), $message);
  $message = join("\\r\\n", $signer->as_strings, '') . $message;
}
print $message`;
    const text = mailDkim(seal, message);
    const { arc } = await checkMessage(Buffer.from(text, "latin1"), { wantsArc: true }, resolver);
    assert.deepEqual([arc?.result, arc?.instance, arc?.oldestPass], ["pass", 2, 1]);
    const changed = Buffer.from(text.replace("Hello", "Goodbye"), "latin1");
    assert.equal((await checkMessage(changed, { wantsArc: true }, resolver)).arc?.result, "fail");
    const mixed = await sealed(text, { results: "arc=pass" });
    assert.equal(mailDkim(PERL_SAYS, mixed), "pass");
    const ofThree = await checkMessage(Buffer.from(mixed, "latin1"), { wantsArc: true }, resolver);
    assert.deepEqual([ofThree.arc?.result, ofThree.arc?.instance], ["pass", 3]);
  },
);
