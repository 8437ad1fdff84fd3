import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RouteItem } from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway } from "./start-test-gateway.ts";

const RULES = `begin rewrite
*@old.test $1@example.org
*@late.test "\${lookup redis{GET x}}@x.test" F
`;
const acls = {
  rcpt: "accept message = from $sender_address to $local_part@$domain",
  data: "accept add_header = X-From: $h_from:",
};

describe('rewriting rules of the policy (Exim\'s manual, "Address rewriting")', () => {
  for (const isLookedAt of [true, false]) {
    test(`envelope and header lines, ${isLookedAt ? "" : "not "}looked at by an ACL`, async () => {
      const policy = { acls: isLookedAt ? acls : { rcpt: acls.rcpt }, sections: RULES };
      await using gateway = await startTestGateway({ policy });
      await using client = await gateway.session();
      await client.say("MAIL FROM:<Ann@old.test>\r\n", 250);
      assert.match(await client.say("RCPT TO:<bob@Old.test>\r\n", 250), /from Ann@example\.org to bob@example\.org/);
      await client.say("RCPT TO:<carl@example.org>\r\nDATA\r\n", 250, 354);
      const lines = [
        "Subject: ann@old.test",
        "From: Ann <ann@old.test>",
        "To: bob@old.test,",
        " carl@example.org",
        "",
        "ann@old.test",
      ];
      await client.say(`${lines.join("\r\n")}\r\n.\r\n`, 250);
      const { header, content: text } = await gateway.taken();
      const item = Value.Parse(RouteItem, header);
      assert.equal(item.returnPath, "Ann@example.org");
      assert.deepEqual(
        item.recipients.map(({ address }) => address),
        ["bob@example.org", "carl@example.org"],
      );
      assert.match(text, /^Subject: ann@old\.test\r$/m);
      assert.match(text, /^From: Ann <ann@example\.org>\r$/m);
      assert.match(text, /^To: bob@example\.org,\r\n carl@example\.org\r$/m);
      assert.match(text, /\r\n\r\nann@old\.test\r\n$/);
      assert.equal(/^X-From: Ann <ann@example\.org>\r$/m.test(text), isLookedAt);
    });
  }

  test("header lines of content that goes to the spool", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { rcpt: acls.rcpt }, sections: RULES } });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann@b.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 250, 354);
    await client.say(`From: ann@old.test\r\n\r\n${`${"x".repeat(98)}\r\n`.repeat(3_000)}.\r\n`, 250);
    const { content, isSpooled } = await gateway.taken();
    assert.ok(isSpooled);
    assert.match(content.slice(0, 2_000), /^From: ann@example\.org\r$/m);
  });

  test("an address that cannot be rewritten now is put off", async () => {
    await using gateway = await startTestGateway({
      policy: { acls, sections: RULES, main: "redis_servers = 127.0.0.1::1" },
    });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann@late.test>\r\n", 451);
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.match("text" in event ? String(event.text) : "", /^temporarily rejected MAIL <ann@late\.test>: /);
    await client.say("MAIL FROM:<ann@early.test>\r\n", 250);
  });
});

/** What exim-4.98 -bh does with the same rules. */
describe("commands as they come (flag S)", () => {
  const sections = `begin rewrite
^\\N<?([^!>]+)!([^!>]+)>?$\\N  $2@$1 S
^.*broken.* "\${lookup}" S
^.*late.* "\${lookup redis{GET x}}@x.test" S
`;
  const main = "redis_servers = 127.0.0.1::1\ndsn_advertise_hosts = *";
  const rcpt = "accept message = $sender_address to $local_part@$domain";
  const started = () => startTestGateway({ policy: { acls: { rcpt }, sections, main } });

  const rows: readonly [argument: string, code: number, answer: RegExp][] = [
    ["<host2!u2>", 250, /user@host\.test to u2@host2/],
    ["host3!u3", 250, /user@host\.test to u3@host3/],
    ["<plain@x.test>", 250, /user@host\.test to plain@x\.test/],
    ["<broken@x.test>", 250, /user@host\.test to broken@x\.test/],
    ["<aa!bb> NOTIFY=NEVER", 250, /user@host\.test to bb@aa/],
    ["<>", 501, /missing or malformed local part/],
    ["<cc!dd> FOO=BAR", 555, /FOO/],
    ['<"a b"!dd>', 501, /malformed/],
    ["<late@x.test>", 451, /./],
  ];
  test("are rewritten, whether or not they are addresses", async () => {
    await using gateway = await started();
    await using client = await gateway.session();
    await client.say("EHLO me.test\r\n", 250);
    await client.say("MAIL FROM:<host.test!user> SIZE=10\r\n", 250);
    for (const [argument, code, answer] of rows) {
      assert.match(await client.say(`RCPT TO:${argument}\r\n`, code), answer, argument);
    }
  });

  test("MAIL that cannot be rewritten now is put off", async () => {
    await using gateway = await started();
    await using client = await gateway.session();
    await client.say("MAIL FROM:<late@x.test>\r\n", 451);
    await client.say("RCPT TO:<plain@x.test>\r\n", 503);
    await client.say("MAIL FROM:<a!b>\r\nRCPT TO:<c!d>\r\n", 250, 250);
  });
});
