import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { program } from "@postbus/testkit";
import { authenticationResults } from "../../../src/acl/authentication-results/authentication-results.ts";
import type { Signature } from "../../../src/acl/dkim/signature.ts";
import { Tainted, textOf } from "../../../src/expansion/value.ts";
import { contentOf, policySession } from "../policy-session.ts";

/*
 * Programs that know nothing of us read our Authentication-Results: Debian's python3-authres and libmail-authenticationresults-perl.
 */

/** Results with their properties, of one field. */
type Read = readonly (readonly [result: string, properties: Readonly<Record<string, string>>])[];

const PYTHON = `
import authres, json, sys
def read(text):
    try: results = authres.AuthenticationResultsHeader.parse(text).results
    except Exception as problem: return [[repr(problem), {}]]
    return [[f"{r.method}={r.result}", {f"{p.type}.{p.name}": p.value for p in r.properties}] for r in results]
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)`;

const PERL = `
use JSON::PP; use Mail::AuthenticationResults::Parser;
sub of { my ($kind, $parent) = @_; return grep { ref($_) =~ /::$kind$/ } @{ $parent->children } }
sub readField {
  my ($text) = @_;
  $text =~ s/^Authentication-Results: |\\r\\n//g;
  my $read = eval { Mail::AuthenticationResults::Parser->new($text)->parsed } or return [[$@, {}]];
  return [map { [$_->key . '=' . $_->value, { map { ($_->key, $_->value) } of('SubEntry', $_) }] } of('Entry', $read)];
}
print JSON::PP->new->ascii->encode([map { readField($_) } @{ JSON::PP->new->utf8->decode(do { local $/; <STDIN> }) }]);`;

function readBy(command: string, args: readonly string[], fields: readonly string[]): readonly Read[] {
  const ran = spawnSync(command, args, { input: JSON.stringify(fields), timeout: 60_000 });
  assert.equal(ran.status, 0, ran.stderr.toString());
  return JSON.parse(ran.stdout.toString());
}

// The system's own, for which Debian's packages are; another one may come first in the PATH.
const python = ["/usr/bin/python3", program("python3") ?? ""].find(
  (path) => spawnSync(path, ["-c", "import authres"]).status === 0,
);
const perl = program("perl");
const hasReader =
  perl !== undefined && spawnSync(perl, ["-MMail::AuthenticationResults::Parser", "-MJSON::PP", "-e1"]).status === 0;

/** What peers may call themselves. (Without sender and HELO it is Exim's `smtp.mailfrom=<>`, which is no value, RFC 8601 §2.2.) */
const NAMES = [
  ...["a.example", "sub.a.example", "joe@a.example", "2001:db8::1", "a_b.example", "a'b", "a/b", "x".repeat(300)],
  ...["a b", "x;dkim=pass", "x; dkim=pass header.d=bank.example", "a=b", "a,b", "<>", "=?utf-8?q?x?=", "spf", "none"],
  ...['a"b', 'a"; dkim=pass', "a\\", "(", "a) b", "a\\) ; arc=pass", "\r\nX: y", "\xe9t\xe9", "\t"],
];
/** Mail::AuthenticationResults knows no quoted pairs (RFC 5322 §3.2.1). */
const HAS_PAIRS = /["\\()]/;

const signature: Signature = {
  ...{ status: "fail", reason: "bodyhash_mismatch", domain: "b.example", selector: "s1", algorithm: "rsa-sha256" },
  ...{ headerCanonicalization: "relaxed", bodyCanonicalization: "relaxed", headerNames: "from", copiedHeaders: "" },
};

async function fieldAbout(name: string): Promise<string> {
  const signatures = async () => [signature];
  const { session, acls } = policySession("acl_smtp_data = accept\n", { hooks: { signatures } });
  acls.content(contentOf("DKIM-Signature: v=1\nFrom: a@b.example\n", "x\n"));
  const { connection, message } = session;
  message.returnPath = `ann@${name}`;
  connection.helo = name;
  connection.hostName = name;
  connection.authentication = { by: "plain", method: "PLAIN", isByCertificate: false, id: new Tainted(name) };
  message.found.set("spf_result", "softfail");
  const fact = (authenticationResult: string) => ({ result: "", variables: {}, authenticationResult });
  message.facts.set("dmarc", fact("dmarc=fail header.from=b.example"));
  message.facts.set(
    "arc",
    fact("arc=fail (i=2)(AMS sig nonverify) header.s=sel arc.oldest-pass=0 smtp.remote-ip=192.0.2.1"),
  );
  return `Authentication-Results: mx.test${textOf(await authenticationResults(session, "mx.test"))}`.replaceAll(
    "\n",
    "\r\n",
  );
}

const RESULTS = ["iprev=pass", "auth=pass", "spf=softfail", "dkim=fail", "dmarc=fail", "arc=fail"];
const fields = await Promise.all(NAMES.map(fieldAbout));

const shown = (name: string): string => name.slice(name.lastIndexOf("@") + 1).replaceAll(/[^ -~]/g, "?");

test("python3-authres reads in them what we mean, whatever peers call themselves", {
  skip: python === undefined && "python3-authres is not installed",
}, () => {
  const read = readBy(python ?? "", ["-c", PYTHON], fields);
  for (const [n, name] of NAMES.entries()) {
    assert.deepEqual(
      read[n]?.map(([result]) => result),
      RESULTS,
      name,
    );
    const spf = read[n]?.[2]?.[1]["smtp.mailfrom"]?.replaceAll(/\\(.)/g, "$1");
    assert.equal(spf, shown(name));
    assert.deepEqual(read[n]?.[3]?.[1], { "header.d": "b.example", "header.s": "s1", "header.a": "rsa-sha256" });
  }
});

test("Mail::AuthenticationResults reads in them what we mean, whatever peers call themselves", {
  skip: !hasReader && "libmail-authenticationresults-perl is not installed",
}, () => {
  const read = readBy(perl ?? "", ["-e", PERL], fields);
  for (const [n, name] of NAMES.entries()) {
    if (HAS_PAIRS.test(name)) continue;
    assert.deepEqual(
      read[n]?.map(([result]) => result),
      RESULTS,
      name,
    );
    assert.equal(read[n]?.[2]?.[1]["smtp.mailfrom"], shown(name));
  }
});
