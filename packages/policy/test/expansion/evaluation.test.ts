import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import fc from "fast-check";
import { compileExpansion } from "../../src/expansion/compile-expansion.ts";
import { defaultLanguageSettings, type Headers } from "../../src/expansion/evaluation.ts";
import { ExpansionDefer, ExpansionFailure, ForcedFailure, failureText } from "../../src/expansion/failures.ts";
import { Tainted } from "../../src/expansion/value.ts";
import { Expressions } from "./random-expressions.ts";
import { expandText, sampleEvaluation } from "./sample-policy.ts";

const peer = (text: string): { acl_m_p: Tainted } => ({ acl_m_p: new Tainted(text) });

test("a string without dollar and backslash is a constant; so is one whose parts are known at load", () => {
  assert.equal(compileExpansion("plain {text}").constant, "plain {text}");
  assert.equal(compileExpansion(`\${uc:\${if eq{a}{a}{yes}{no}}}`).constant, "YES");
  assert.equal(compileExpansion("$domain").constant, undefined);
});

test("nothing is waited for where nothing has to be: no promise", () => {
  const value = compileExpansion(`\${map{a:b}{\${lc:$acl_m_p}$item}}`).run(sampleEvaluation({}, peer("X")));
  assert.ok(value instanceof Tainted);
  assert.equal(value.text, "xa:xb");
});

test("a string that cannot be parsed says so at load and fails when it is run, as itself", () => {
  const broken = compileExpansion(`a \${nosuch:x}`);
  assert.equal(broken.problem, 'unknown expansion operator "nosuch"');
  assert.throws(() => broken.run(sampleEvaluation()), { name: "ExpansionFailure", message: broken.problem });
});

test("a failure, a failure that was asked for and a deferral are three things", async () => {
  const run = (source: string): Promise<string> => expandText(source, sampleEvaluation());
  await assert.rejects(run(`\${eval:1/0}`), ExpansionFailure);
  await assert.rejects(run(`\${if eq{a}{b}{c}fail}`), ForcedFailure);
  await assert.rejects(run(`\${acl{later}}`), ForcedFailure);
  await assert.rejects(run(`\${if acl{{later}}{y}}`), ForcedFailure);
  await assert.rejects(run(`\${if match_domain{a}{+nosuch}}`), ExpansionDefer);
  await assert.rejects(run(`\${lookup{a}lsearch{/nowhere}}`), ExpansionFailure);
});

test("what a peer has chosen taints all that is made with it", () => {
  const cases = [
    `a\${acl_m_p}b`,
    `\${lc:$acl_m_p}`,
    `\${quote:$acl_m_p}`,
    `\${map{$acl_m_p}{x$item}}`,
    `\${extract{1}{:}{$acl_m_p}}`,
    `\${sg{$acl_m_p}{q}{r}}`,
    `\${if match{$acl_m_p}{(.)}{$1}}`,
    `\${if inlist{p}{$acl_m_p}{$value}}`,
    `\${tr{$acl_m_p}{a}{b}}`,
    `\${filter{$acl_m_p}{eq{1}{1}}}`,
    `\${sort{$acl_m_p}{lt}{$item}}`,
    `\${local_part:$acl_m_p}`,
    `\${base64:$acl_m_p}`,
    `\${reduce{a:b}{}{$acl_m_p}}`,
    `\${listextract{1}{$acl_m_p}}`,
    `\${if eq{a}{a}{$acl_m_p}}`,
    `\${substr{0}{1}{$acl_m_p}}`,
    `\${hmac{md5}{k}{$acl_m_p}}`,
    `\${sha256:$acl_m_p}`,
    `\${prvs{$acl_m_p@b}{k}}`,
    "$h_subject:",
    "$sender_address",
  ];
  const headers: Headers = { occurrences: () => [" p\n"] };
  for (const source of cases) {
    const evaluation = sampleEvaluation({ headers }, { ...peer("p"), sender_address: "p" });
    assert.ok(compileExpansion(source).run(evaluation) instanceof Tainted, source);
  }
  assert.equal(compileExpansion("$domain_data").run(sampleEvaluation({}, { domain_data: "d" })), "d");
});

test("tainted strings name no file, no list and no ACL, and are not expanded again", async () => {
  for (const [source, problem] of [
    [`\${readfile{$acl_m_p}}`, /Tainted name/],
    [`\${readsocket{$acl_m_p}{x}}`, /Tainted name/],
    [`\${lookup{a}lsearch{$acl_m_p}}`, /Tainted filename/],
    [`\${expand:$acl_m_p}`, /attempt to expand tainted string/],
    [`\${sg{a}{a}{$acl_m_p\\$}}`, /attempt to expand tainted string/],
    [`\${listnamed:$acl_m_p}`, /tainted/],
    [`\${run{$acl_m_p}}`, /Tainted name/],
  ] as const) {
    await assert.rejects(expandText(source, sampleEvaluation({}, peer("/etc/passwd"))), problem, source);
  }
});

test("a separator that a peer has written into a list separates nothing", async () => {
  const run = (source: string): Promise<string> => expandText(source, sampleEvaluation({}, peer("<; a;b")));
  assert.equal(await run(`\${map{$acl_m_p}{[$item]}}`), "[<; a;b]");
  assert.equal(await run(`\${map{<; $acl_m_p}{[$item]}}`), "[<]; [a]; [b]".replaceAll("; ", ";"));
});

test("a query with data of a peer that are not quoted for it is warned about", async () => {
  const warnings: string[] = [];
  const lookups = { find: () => ({ found: true, data: "d" }) as const, close: async () => undefined };
  const run = (source: string): Promise<string> =>
    expandText(source, sampleEvaluation({ lookups, warn: (text) => warnings.push(text) }, peer("x")));
  await run(`\${lookup pgsql{select '\${quote_pgsql:$acl_m_p}'}}`);
  assert.deepEqual(warnings, []);
  await run(`\${lookup pgsql{select '\${quote_mysql:$acl_m_p}'}}`);
  await run(`\${lookup pgsql{select '$acl_m_p\${quote_pgsql:$acl_m_p}'}}`);
  assert.equal(warnings.length, 2);
});

test("$value, $item and captures are as before, also after a failure", async () => {
  const evaluation = sampleEvaluation();
  evaluation.value = "v";
  evaluation.item = "i";
  evaluation.captures = ["0", "1"];
  await assert.rejects(expandText(`\${map{a}{\${if match{b}{(b)}{\${lookup{sales}lsearch{/nowhere}}}}}}`, evaluation));
  await assert.rejects(expandText(`\${reduce{a}{b}{\${eval:x}}}`, evaluation));
  assert.deepEqual([evaluation.value, evaluation.item, evaluation.captures], ["v", "i", ["0", "1"]]);
});

test("strict_acl_vars: reading what was not set fails", async () => {
  const settings = { ...defaultLanguageSettings, hasStrictAclVariables: true };
  assert.equal(await expandText("<$acl_m_x>", sampleEvaluation()), "<>");
  await assert.rejects(expandText("<$acl_m_x>", sampleEvaluation({ settings })), /strict_acl_vars/);
});

/** The octet is the second half of an "à"; JavaScript's blanks are more than C's. Exim 4.100 keeps it. */
test("the octet 0xA0 is no blank around a header", async () => {
  const headers: Headers = { occurrences: () => [" voil\xc3\xa0\n"] };
  assert.equal(await expandText("$h_subject:", sampleEvaluation({ headers })), "voil\xc3\xa0");
});

test("of half a million lines of one header no more are looked at than anybody sees", async () => {
  const lines = new Proxy(new Array<string>(500_000).fill(" a\n"), {
    get: (all, key) => (Number(key) > 70_000 ? assert.fail(`line ${String(key)}`) : Reflect.get(all, key)),
  });
  const evaluation = sampleEvaluation({ headers: { occurrences: () => lines } });
  for (const form of ["", "r", "b", "l"]) {
    assert.equal(await expandText(`\${strlen:$${form}h_x:}`, evaluation), "65536", form);
  }
});

/** Expected: `exim -bem` of 4.100.1 with the same lines. */
test("headers: decoded, without charset, raw, as a list", async () => {
  const lines: Record<string, string[]> = {
    to: [" x@y.z\n", " =?iso-8859-1?q?M=FCller?= <q@r.s>\n"],
    subject: [" =?utf-8?q?a?= =?utf-8?q?b=C3=A4?=  x\n"],
    "x-a": [" one:two\n\tfolded  \n", " three\n"],
  };
  const evaluation = sampleEvaluation({ headers: { occurrences: (name) => lines[name] ?? [] } });
  const cases = [
    ["[$h_to:]", "[x@y.z,\nM\xc3\xbcller <q@r.s>]"],
    ["[$h_subject:]", "[ab\xc3\xa4  x]"],
    ["[$rh_X-A:]", "[ one:two\n\tfolded  \n three\n]"],
    ["[$lh_x-a:]", "[ one::two\n\tfolded  : three]"],
    ["[$header_x-a:]", "[one:two\n\tfolded\nthree]"],
    ["[$bheader_to:]", "[x@y.z,\nM\xfcller <q@r.s>]"],
    [`\${map{$lh_x-a:}{($item)}}`, "(one::two\n\tfolded):(three)"],
    [`\${if def:h_nope: {y}{n}}\${if def:rh_to: {y}{n}}`, "ny"],
  ] as const;
  for (const [source, wanted] of cases) assert.equal(await expandText(source, evaluation), wanted, source);
});

test("the time of day, in the zone of the policy", async () => {
  const settings = { ...defaultLanguageSettings, timeZone: "Europe/Vienna" };
  const evaluation = sampleEvaluation({ settings, now: () => Date.UTC(2026, 10, 7, 22, 14, 25) });
  const text = await expandText(
    "$tod_full|$tod_log|$tod_zone|$tod_epoch|$tod_zulu|$tod_logfile|$tod_bsdinbox",
    evaluation,
  );
  const wanted =
    "Sat, 07 Nov 2026 23:14:25 +0100|2026-11-07 23:14:25|+0100|1794089665|20261107221425Z|20261107|Sat Nov 07 23:14:25 2026";
  assert.equal(text, wanted);
});

test("run: only allowed programs, no shell, words split before they are expanded", async () => {
  const settings = { ...defaultLanguageSettings, programs: new Set(["/bin/echo", "/bin/false", "/bin/sh"]) };
  const run = (source: string): Promise<string> => expandText(source, sampleEvaluation({ settings }, peer("a  b; c")));
  assert.equal(await run(`\${run{/bin/echo $acl_m_p "x y"}{<$value>}}`), "<a  b; c x y\n>");
  assert.equal(await run(`\${run,preexpand {/bin/echo \${uc:a} b}{<$value>}}`), "<A b\n>");
  await assert.rejects(run(`\${run,preexpand {/bin/echo $acl_m_p}}`), /Tainted name/);
  assert.equal(await run(`\${run{/bin/false}{y}{n}}$runrc`), "n1");
  assert.equal(await run(`\${run{/bin/sh -c "exit 3"}{y}{n$runrc}}`), "n3");
  await assert.rejects(run(`\${run{/bin/cat /etc/passwd}}`), /may not be run/);
});

test("readsocket: asks a socket and gives its answer; the last string is for when there is none", async () => {
  const server = createServer((socket) => {
    socket.on("data", (octets: Buffer) => socket.end(`got ${octets.toString()}\n`));
  });
  const path = `${tmpdir()}/postbus-readsocket-${process.pid}`;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    const value = await compileExpansion(`\${readsocket{${path}}{hi}{3s:shutdown=no}{!}}`).run(sampleEvaluation());
    assert.ok(value instanceof Tainted);
    assert.equal(value.text, "got hi!");
  } finally {
    server.close();
  }
  assert.equal(await expandText(`\${readsocket{/nowhere}{hi}{1s}{}{none}}`, sampleEvaluation()), "none");
  await assert.rejects(expandText(`\${readsocket{/nowhere}{hi}}`, sampleEvaluation()), /No such file/);
});

test("certextract and digests of a certificate variable", async () => {
  const { certificate } = makeCertificate("mail.shop.example");
  const { raw, fingerprint256, serialNumber } = new X509Certificate(certificate);
  const evaluation = sampleEvaluation({}, { tls_in_peercert: raw.toString("latin1") });
  assert.equal(await expandText("$tls_in_peercert", evaluation), "<cert>");
  assert.equal(await expandText(`\${sha256:$tls_in_peercert}`, evaluation), fingerprint256.replaceAll(":", ""));
  const field = (name: string): Promise<string> => expandText(`\${certextract{${name}}{$tls_in_peercert}}`, evaluation);
  assert.equal(await field("serial_number"), serialNumber.toLowerCase());
  assert.equal(await field("subject"), "CN=mail.shop.example");
  assert.equal(await field("subj_altname"), "DNS=mail.shop.example");
  assert.equal(await field("subj_altname,dns"), "mail.shop.example");
  assert.match(await field("notafter,int"), /^[0-9]{10}$/);
});

test("no expansion runs away: growth, loops, depth and patterns end with a failure", async () => {
  const many = "a:".repeat(100_000);
  for (const source of [
    `\${reduce{${"a:".repeat(64)}}{xx}{$value$value}}`,
    `\${map{$acl_m_p}{\${map{$acl_m_p}{$item}}}}`,
    `\${if match{${"a".repeat(40)}!}{^(a|a)+\\$}{y}{n}}`,
    `${"${lc:".repeat(5_000)}x${"}".repeat(5_000)}`,
    `\${eval:${"(".repeat(5_000)}1${")".repeat(5_000)}}`,
  ]) {
    const start = performance.now();
    const reason = await expandText(source, sampleEvaluation({}, peer(many))).then(() => undefined, failureText);
    assert.ok(reason !== undefined, source.slice(0, 40));
    assert.ok(performance.now() - start < 20_000, source.slice(0, 40));
  }
});

test("long loops let others run", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  try {
    const items = peer("a:".repeat(20_000));
    await expandText(`\${map{$acl_m_p}{\${length_1:\${sha256:$item}}}}`, sampleEvaluation({}, items));
  } finally {
    clearInterval(timer);
  }
  assert.ok(ticks > 0);
});

test("whatever is expanded, only failures of our own are thrown", async () => {
  const made = new Expressions(7);
  const words = fc.constantFrom(
    "$",
    "{",
    "}",
    "\\",
    "${",
    ":",
    "a",
    "if ",
    "eq{",
    "lookup",
    "\\N",
    "1",
    "$h_",
    "_",
    "!",
    " ",
  );
  const text = fc.oneof(
    fc.string({ unit: words, maxLength: 60 }),
    fc.constant(0).map(() => made.next()),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(text, async (source) => {
      await expandText(source, sampleEvaluation({}, peer("p"))).catch((error: unknown) => {
        if (failureText(error) === undefined) throw error;
      });
    }),
    { numRuns: 300 },
  );
});

test("a peer's words may name what is only looked at, and stand as they are for a match", async () => {
  const evaluation = sampleEvaluation({}, { acl_m_p: new Tainted("/") });
  assert.equal(await expandText(`\${if exists{$acl_m_p}{y}{n}}`, evaluation), "y");
  assert.match(await expandText(`\${stat:$acl_m_p}`, evaluation), /^mode=/);
  assert.equal(await expandText(`\${sg{a-b}{-}{$acl_m_p}}`, evaluation), "a/b");
});

test("the commas of a source route do not end an address", async () => {
  assert.equal(await expandText(`\${addresses:<@x,@y:a@b>, c@d}`, sampleEvaluation()), "a@b:c@d");
  assert.equal(await expandText(`\${addresses:c@d, <, a,b}`, sampleEvaluation()), "c@d");
});
