import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RewritePlace } from "../../src/reader/rewrite-rule.ts";
import { type HeaderQualifiers, rewriteHeaderLine } from "../../src/rewriting/rewrite-header-line.ts";
import type { RewriteContext, RewriteRules } from "../../src/rewriting/rewrite-rules.ts";
import { policyOf } from "../policy-of.ts";

const RULES = `addresslist lst = l1@l.test : *@list.test
begin rewrite
uq@q.test justlocal Q
*.rep@r.test $1@r.test R
\\N^n(\\d+)@num.test$\\N m$1@num.test
^([a-z]+)\\\\.([a-z]+)@reg.test\\$ \${lc:$2}.$1@reg.test h
Ann@Case.Test kept@case.test
*@old.test $1@new.test
*.sub.test $local_part@sub.test F
ann@a.test bob@b.test Q
bob@b.test carl@c.test
*x@*.y.test "<$1_$2@z.test>"
*loop@l.test b$1.loop@l.test R
fail@f.test "\${if eq{1}{2}{x}fail}"
fail@f.test failed@f.test
qq@f.test "\${if eq{1}{2}{x}fail}" q
qq@f.test after@f.test
Q2@f.test "\${if eq{1}{2}{x}fail}" Q
Q2@f.test after@f.test
qz@f.test qz2@f.test q
qz2@f.test qz3@f.test
star@s.test *
star@s.test never@s.test
unq@u.test just
unq@u.test next@u.test
bad@u.test "\\"two words@u.test"
null@n.test "" F
broken@e.test "\${nothing"
whole@w.test "New Name <new@w.test>" hw
nl@o.test "Name <n2@o.test>" h
dom.test $local_part@domonly.test
+lst named@lst.test
`;

function contextOf(): { rules: RewriteRules; context: RewriteContext; log: string[] } {
  const policy = policyOf(RULES);
  const log: string[] = [];
  assert.ok(policy.rewriting);
  const around = { ...policy.surroundings, variables: { get: () => undefined } };
  return { rules: policy.rewriting, context: { around, qualifyDomain: "mx.test", log: (text) => log.push(text) }, log };
}

async function rewritten(address: string, place: RewritePlace): Promise<string> {
  const { rules, context } = contextOf();
  return (await rules.rewrite(address, place, context))?.address ?? address;
}

/** What exim-4.98 -brw prints with the same rules: in From, and as the sender of an envelope. */
const ROWS: readonly [address: string, from: string, envelopeFrom: string][] = [
  ["joe@old.test", "joe@new.test", "joe@new.test"],
  ["Joe@Old.Test", "Joe@new.test", "Joe@new.test"],
  ["x@foo.sub.test", "x@foo.sub.test", "x@sub.test"],
  ["x@sub.test", "x@sub.test", "x@sub.test"],
  ["ann@a.test", "carl@c.test", "carl@c.test"],
  ["abcx@p.q.y.test", "abc_p.q@z.test", "abc_p.q@z.test"],
  ["fail@f.test", "failed@f.test", "failed@f.test"],
  ["qq@f.test", "qq@f.test", "qq@f.test"],
  ["Q2@f.test", "after@f.test", "after@f.test"],
  ["qz@f.test", "qz2@f.test", "qz2@f.test"],
  ["star@s.test", "star@s.test", "star@s.test"],
  ["uq@q.test", "justlocal@mx.test", "justlocal@mx.test"],
  ["a.rep.rep.rep@r.test", "a@r.test", "a@r.test"],
  ["n12@num.test", "m12@num.test", "m12@num.test"],
  ["ann@case.test", "ann@case.test", "ann@case.test"],
  ["first.last@reg.test", "last.first@reg.test", "first.last@reg.test"],
  ["FIRST.Last@reg.test", "FIRST.Last@reg.test", "FIRST.Last@reg.test"],
  ["xloop@l.test", "bbbbbbbbbbbx...........loop@l.test", "bbbbbbbbbbbx...........loop@l.test"],
  ['"quoted x"@old.test', '"quoted x"@new.test', '"quoted x"@new.test'],
  ["x@[1.2.3.4]", "x@[1.2.3.4]", "x@[1.2.3.4]"],
  ["x@DOM.test", "x@domonly.test", "x@domonly.test"],
  ["nl@o.test", "n2@o.test", "nl@o.test"],
  ["null@n.test", "null@n.test", "null@n.test"],
  ["bad@u.test", "bad@u.test", "bad@u.test"],
  ["x@list.test", "named@lst.test", "named@lst.test"],
];

describe('rewriting rules (Exim\'s manual, "Address rewriting")', () => {
  for (const [address, from, envelopeFrom] of ROWS) {
    test(`${address}: ${from}, ${envelopeFrom}`, async () => {
      assert.equal(await rewritten(address, "f"), from);
      assert.equal(await rewritten(address, "F"), envelopeFrom);
    });
  }

  const told: readonly [address: string, result: string, log: string][] = [
    ["unq@u.test", "next@u.test", 'Rewrite of unq@u.test yielded unqualified address "just"'],
    ["bad@u.test", "bad@u.test", 'Rewrite of bad@u.test yielded unparseable address: "two words@u.test'],
    ["null@n.test", "null@n.test", "Rewrite of null@n.test yielded unparseable address: "],
    ["loop@l.test", "bbbbbbbbbbb...........loop@l.test", "rewrite rule repeat ignored after 10 times"],
  ];
  for (const [address, result, text] of told) {
    test(`${address} is told of in the log`, async () => {
      const { rules, context, log } = contextOf();
      assert.equal((await rules.rewrite(address, "F", context))?.address ?? address, result);
      assert.deepEqual(log, [text]);
    });
  }

  test("what cannot be expanded leaves the address, and is told of", async () => {
    const { rules, context, log } = contextOf();
    assert.equal(await rules.rewrite("broken@e.test", "F", context), undefined);
    assert.match(log.join(), /^Expansion of "\$\{nothing" failed while rewriting: /);
  });

  test("rules about other places need not be asked", () => {
    const rules = policyOf("begin rewrite\n*@a.test b@b.test fc\n").rewriting;
    assert.deepEqual(
      (["F", "T", "f", "t"] as const).map((place) => rules?.concern([place])),
      [false, false, true, false],
    );
  });

  test("what a client has said has neither local part nor domain", async () => {
    const rules = policyOf("begin rewrite\n^.* x$local_part$domain@a.test S\n").rewriting;
    assert.ok(rules);
    assert.deepEqual(await rules.rewrite("<a!b@c.test>", "S", contextOf().context), { address: "x@a.test" });
  });
});

/** What the same Exim makes of these lines. */
describe("header lines", () => {
  const lines: readonly [line: string, result: string | undefined][] = [
    ["From: joe@old.test\n", "From: joe@new.test\n"],
    ["From: Jo <joe@old.test> (c)\n", "From: Jo <joe@new.test> (c)\n"],
    ['From: "joe@old.test" <joe@old.test>\n', 'From: "joe@old.test" <joe@new.test>\n'],
    [
      "To: joe@old.test, Other <o@p.test>,\n\tAnn <ann@old.test>\n",
      "To: joe@new.test, Other <o@p.test>,\n\tAnn <ann@new.test>\n",
    ],
    ["Cc: friends: joe@old.test, x@y.test;\n", "Cc: friends: joe@new.test, x@y.test;\n"],
    ["From: Old Name <whole@w.test>\n", "From: New Name <new@w.test>\n"],
    ["From: nl@o.test\n", "From: n2@o.test\n"],
    ["Reply-to : joe@old.test\n", "Reply-to : joe@new.test\n"],
    ["Resent-To: joe@old.test\n", "Resent-To: joe@new.test\n"],
    ["From: Jo <joe (x) @ old.test>\n", "From: Jo <joe@new.test>\n"],
    ["Subject: joe@old.test\n", undefined],
    ["From: x@y.test\n", undefined],
    ["From: not an address\n", undefined],
    ["To: undisclosed-recipients:;\n", undefined],
    ["From\n", undefined],
  ];
  for (const [line, result] of lines) {
    test(line.trim(), async () => {
      const { rules, context } = contextOf();
      assert.equal(await rewriteHeaderLine(line, rules, context), result);
    });
  }
});

/** As Exim leaves them of a client in `sender_unqualified_hosts` and `recipient_unqualified_hosts`; long lines it folds anew. */
describe("addresses without a domain in header lines", () => {
  const both = { senders: "send.test", recipients: "rcpt.test" };
  const lines: readonly [line: string, result: string | undefined][] = [
    ["From: Ann <ann>, other (c)\n", "From: Ann <ann@send.test>, other@send.test (c)\n"],
    [
      'To: bob, "B. C" <carl>, u@full.test, grp: a, b;\n',
      'To: bob@rcpt.test, "B. C" <carl@rcpt.test>, u@full.test, grp: a@rcpt.test, b@rcpt.test;\n',
    ],
    ['Cc: carl (comment), "quo ted"\n', 'Cc: carl@rcpt.test (comment), "quo ted"@rcpt.test\n'],
    ["Bcc: hidden\n", "Bcc: hidden@rcpt.test\n"],
    ["Reply-To: rep\n", "Reply-To: rep@send.test\n"],
    ["Sender: sen\n", "Sender: sen@send.test\n"],
    ["Resent-From: ann\n", "Resent-From: ann@send.test\n"],
    ["Resent-Sender: rs\n", "Resent-Sender: rs@send.test\n"],
    ["Resent-To: rto\n", "Resent-To: rto@rcpt.test\n"],
    ["TO: <x>,\n  y,\n", "TO: <x@rcpt.test>,\n  y@rcpt.test,\n"],
    [
      "To: a@,b @c.test, d@ e, \xe9, J\xf6rg <joe>\n",
      "To: a@,b @c.test, d@ e, \xe9@rcpt.test, J\xf6rg <joe@rcpt.test>\n",
    ],
    ["Cc: <>, broken <, <p>\n", undefined],
    ["Cc: undisclosed-recipients:;\n", undefined],
    ["Bcc:\n", undefined],
    ["Errors-To: eto\n", undefined],
    ["Subject: bob\n", undefined],
  ];
  for (const [line, result] of lines) {
    test(line.trim(), async () => {
      assert.equal(await rewriteHeaderLine(line, undefined, contextOf().context, both), result);
    });
  }

  test("fields of senders and of recipients each for themselves", async () => {
    const { context } = contextOf();
    const of = (qualifiers: HeaderQualifiers) => [
      rewriteHeaderLine("From: a\n", undefined, context, qualifiers),
      rewriteHeaderLine("To: b\n", undefined, context, qualifiers),
    ];
    assert.deepEqual(await Promise.all(of({ senders: "s.test" })), ["From: a@s.test\n", undefined]);
    assert.deepEqual(await Promise.all(of({ recipients: "r.test" })), [undefined, "To: b@r.test\n"]);
  });

  test("rules are for what has a domain by then", async () => {
    const { rules, context } = contextOf();
    assert.equal(
      await rewriteHeaderLine("To: joe, x\n", rules, context, { recipients: "old.test" }),
      "To: joe@new.test, x@new.test\n",
    );
  });
});
