import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { messageLines } from "../../src/acl/message-lines.ts";
import { askRcpt } from "./policy-session.ts";

/** Of `deny` unless the text says otherwise. */
const rows: readonly [name: string, statement: string, said: string][] = [
  ["the text of a refusal", "deny message = no", "550 no"],
  ["quotes are sent", 'deny message = "no"', '550 "no"'],
  ["the last one before the end counts", "deny message = a\n message = b", "550 b"],
  [
    "one behind the false condition is not seen",
    "require condition = no\n message = b",
    "550 Administrative prohibition",
  ],
  ["a code of its own", "deny message = 554 no", "554 no"],
  ["with a status code", "deny message = 554 5.7.1 no", "554 5.7.1 no"],
  ["a code of another class is cut off", "deny message = 450 4.7.1 no", "550 no"],
  ["an enhanced code alone", "deny message = 5.7.1 no", "550 5.7.1 no"],
  ["an enhanced code alone, of another class, is text", "deny message = 4.7.1 no", "550 4.7.1 no"],
  ["three digits with a hyphen are text", "deny message = 550-no", "550 550-no"],
  ["three digits alone are text", "deny message = 554", "550 554"],
  ["defer has 451", "defer message = later", "451 later"],
  ["defer may have 421", "defer message = 421 away", "421 away"],
  ["an accept may say something", "accept message = fine", "accept 250 fine"],
  ["an accept with its own code", "accept message = 251 forwarded", "accept 251 forwarded"],
  ["variables", "deny message = $local_part@$domain from $sender_address", "550 bob@test.example from ann@out.example"],
  ["one that cannot be expanded is the usual text", "deny message = ${nosuch:x}", "550 Administrative prohibition"],
  ["one that is made to fail is none", "deny message = a${if eq{1}{2}{x}fail}", "550 Administrative prohibition"],
  ["one that is empty is none", "deny message = ${if eq{1}{2}{x}}", "550 Administrative prohibition"],
  ["lines", "deny message = one\\ntwo", "550 one|two"],
  [
    "long lines are cut behind a colon, or at the last blank",
    "deny message = a text that goes on and on: it has many words, so that it has to be split: behind a colon, or else at a blank",
    "550 a text that goes on and on: it has many words, so that it has to be split:|behind a colon, or else at a blank",
  ],
];

describe("message", () => {
  for (const [name, statement, wanted] of rows) {
    test(name, async () => assert.equal((await askRcpt(`  ${statement}`)).said, wanted));
  }

  test("a message that cannot be expanded is logged", async () => {
    const { log } = await askRcpt("  deny message = ${nosuch:x}");
    assert.match(log.join(), /failed to expand ACL message "\$\{nosuch:x\}": unknown expansion operator "nosuch"/);
  });

  test("the message of a failed accept is that of the end of the ACL, as in Exim", async () => {
    assert.equal((await askRcpt("  accept message = m\n    condition = no")).said, "550 m");
  });
});

describe("log_message", () => {
  test("is logged, and the client hears the message only", async () => {
    const { answer, said } = await askRcpt("  deny message = m\n    log_message = l");
    assert.equal(said, "550 m");
    assert.equal(answer.log, "l");
  });

  test("without one, the message is logged", async () => {
    assert.equal((await askRcpt("  deny message = m")).answer.log, "m");
  });

  test("of warn is logged once for the same text", async () => {
    const { log } = await askRcpt("  warn log_message = w $domain\n  warn log_message = w $domain\n  accept");
    assert.deepEqual(log, ["main: Warning: w test.example"]);
  });

  test("a warn whose condition defers is skipped, which is logged", async () => {
    const { log, said } = await askRcpt("  warn condition = maybe\n  accept");
    assert.equal(said, "accept");
    assert.deepEqual(log, [
      'main: Warning: ACL "warn" statement skipped: condition test deferred: invalid "condition" value "maybe"',
    ]);
  });

  test("logwrite goes where it says, at once", async () => {
    const { log } = await askRcpt("  warn logwrite = :main,panic: seen $domain\n    condition = no\n  accept");
    assert.deepEqual(log, ["main+panic: seen test.example"]);
  });

  test("log_reject_target says where the refusal is logged", async () => {
    assert.deepEqual((await askRcpt("  deny log_reject_target = main:panic")).answer.logTargets, ["main", "panic"]);
    assert.deepEqual((await askRcpt("  deny log_reject_target =")).answer.logTargets, []);
    assert.equal((await askRcpt("  deny")).answer.logTargets, undefined);
  });
});

test("cutting a text into lines loses nothing but the white space where it was cut, and ends", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", ":", " ", "\n", "xyz"), maxLength: 500 }), (text) => {
      const words = (all: string): string => all.replaceAll(/\s+/g, "");
      assert.equal(words(messageLines(text).join("\n")), words(text));
    }),
  );
});
