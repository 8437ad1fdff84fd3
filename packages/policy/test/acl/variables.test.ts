import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askRcpt, contentOf, policySession, shown } from "./policy-session.ts";

describe("acl_c and acl_m", () => {
  const config = `
acl_smtp_helo = h
acl_smtp_rcpt = r
begin acl
h:
  accept set acl_m_h = helo
         set acl_c_h = helo
r:
  warn   set acl_m_n = \${eval:0$acl_m_n + 1}
         set acl_c_n = \${eval:0$acl_c_n + 1}
         condition = no
  deny   message = m=$acl_m_n c=$acl_c_n h=$acl_m_h/$acl_c_h
`;
  test("live as long as the message, and the connection", async () => {
    const { acls } = policySession(config);
    const ask = async () => shown(await acls.recipient("b@c.example"));
    await acls.helo("c.example", true);
    await acls.mail({ returnPath: "" });
    assert.equal(await ask(), "550 m=1 c=1 h=/helo");
    assert.equal(await ask(), "550 m=2 c=2 h=/helo");
    acls.reset();
    await acls.mail({ returnPath: "" });
    assert.equal(await ask(), "550 m=1 c=3 h=/helo");
    await acls.helo("c.example", true);
    await acls.mail({ returnPath: "" });
    assert.equal(await ask(), "550 m=1 c=4 h=/helo");
  });

  test("an assignment that is made to fail is skipped, one that cannot be expanded is an error", async () => {
    const skipped = await askRcpt(
      "  warn set acl_m_x = 1\n  warn set acl_m_x = ${if eq{1}{2}{x}fail}\n  deny message = $acl_m_x",
    );
    assert.equal(skipped.said, "550 1");
    assert.match((await askRcpt("  warn set acl_m_x = ${nosuch:x}\n  accept")).said, /^451/);
  });

  test("with strict_acl_vars, one that is not set cannot be read", async () => {
    const rows: readonly [condition: string, wanted: RegExp][] = [
      ["condition = ${if eq{$acl_m_x}{}}", /^451/],
      ["condition = ${if eq{1}{1}}", /^accept/],
    ];
    for (const [condition, wanted] of rows) {
      assert.match((await askRcpt(`  accept ${condition}`, { main: "strict_acl_vars = true\n" })).said, wanted);
    }
  });
});

describe("variables of the envelope", () => {
  test("the local part is in lower case, unless a control says otherwise, and without its quotes", async () => {
    const ask = async (statements: string, address: string) => {
      const { acls } = policySession(`acl_smtp_rcpt = c\nbegin acl\nc:\n${statements}\n`);
      await acls.mail({ returnPath: "" });
      return shown(await acls.recipient(address));
    };
    assert.equal(await ask("  deny message = $local_part", "BoB@x"), "550 bob");
    assert.equal(await ask("  deny control = caseful_local_part\n    message = $local_part", "BoB@x"), "550 BoB");
    assert.equal(await ask("  deny message = $local_part", '"a b"@x'), "550 a b");
  });

  test("lists leave their data behind, for the recipient", async () => {
    const { acls } = policySession(
      "acl_smtp_rcpt = c\nbegin acl\nc:\n  deny domains = +d\n    local_parts = bob : ^(j)\n    message = $domain_data $local_part_data $1\n  deny message = [$domain_data]\n".replace(
        "begin",
        "domainlist d = other.example : test.example\nbegin",
      ),
    );
    await acls.mail({ returnPath: "" });
    assert.equal(shown(await acls.recipient("bob@test.example")), "550 test.example bob");
    assert.equal(shown(await acls.recipient("jim@test.example")), "550 test.example ^(j) j");
    assert.equal(shown(await acls.recipient("bob@else.example")), "550 []");
  });

  test("recipients are counted", async () => {
    const { acls } = policySession(
      "acl_smtp_rcpt = c\nbegin acl\nc:\n  accept local_parts = ok\n  defer local_parts = later\n    message = later\n  deny message = $rcpt_count $recipients_count $rcpt_defer_count $rcpt_fail_count\n",
    );
    await acls.mail({ returnPath: "" });
    for (const part of ["ok", "later", "no"]) await acls.recipient(`${part}@x`);
    assert.equal(shown(await acls.recipient("no@x")), "550 4 1 1 1");
  });

  test("the size is what MAIL declares, then what has come", async () => {
    const { acls } = policySession(
      "acl_smtp_rcpt = accept\nacl_smtp_mail = deny message = $message_size\nacl_smtp_data = deny message = $message_size\n",
    );
    assert.equal(shown(await acls.mail({ returnPath: "", size: 77 })), "550 77");
    assert.equal(shown(await acls.mail({ returnPath: "" })), "550 -1");
    await acls.recipient("a@b");
    acls.content(contentOf("A: b\n", "xy\n"));
    assert.equal(shown(await acls.data()), "550 9");
  });

  test("a peer's words are tainted: they name no list and no file", async () => {
    assert.match((await askRcpt("  accept condition = ${lookup{x}lsearch{/etc/$domain}{yes}{no}}")).said, /^451/);
    assert.match((await askRcpt("  accept queue = $domain")).said, /^451/);
  });
});
