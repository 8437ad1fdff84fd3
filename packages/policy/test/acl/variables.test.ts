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

/** Values as with Exim 4.100 (`exim -bh`). */
describe("variables of the session and of its host", () => {
  const said = async (config: string) => {
    const { acls } = policySession(`acl_smtp_rcpt = a\n${config}`, { hooks: { commandHistory: () => "EHLO,MAIL" } });
    await acls.helo("c.example", true);
    await acls.mail({ returnPath: "" });
    return shown(await acls.recipient("b@c.example"));
  };
  const rows: readonly [options: string, text: string, value: RegExp][] = [
    ["spool_directory = /var/spool/x\n", "$spool_directory", /^550 \/var\/spool\/x$/],
    ["", "$bounce_return_size_limit $return_size_limit", /^550 102400 102400$/],
    ["bounce_return_size_limit = 2K\n", "$bounce_return_size_limit", /^550 2048$/],
    ["", "$smtp_command_history", /^550 EHLO,MAIL$/],
    ["", "${if match{$connection_id}{\\N^\\w+$\\N}{one}}", /^550 one$/],
    ["", "${if >{$spool_space}{0}{room}} ${if >{$log_inodes}{-1}{room}}", /^550 room room$/],
    ["spool_directory = /nonexistent\n", "${if >{$spool_space}{0}{room}}", /^550 room$/],
    ["", "${if >={$load_average}{0}{some}}", /^550 some$/],
    ["", "$compile_number", /^550 1$/],
    ["", "$received_time $received_protocol", /^550 0 esmtp$/],
  ];
  for (const [options, text, value] of rows) {
    test(`${options.trim()} ${text}`, async () =>
      assert.match(await said(`${options}begin acl\na:\n  deny message = ${text}`), value));
  }

  test("the history is no peer's word: it may choose an ACL", async () =>
    assert.equal(
      await said("acl_smtp_mail = ${if match{$smtp_command_history}{MAIL}{a}}\nbegin acl\na:\n  accept"),
      "accept",
    ));

  test("the protocol is that of HELO as long as EHLO is not accepted", async () => {
    const { acls } = policySession("acl_smtp_helo = a\nbegin acl\na:\n  accept message = $received_protocol");
    assert.equal(shown(await acls.helo("c.example", true)), "accept 250 smtp");
  });

  test("before DATA, the recipients are known", async () => {
    const { acls } = policySession(
      "acl_smtp_rcpt = a\nacl_smtp_predata = p\nbegin acl\na:\n  accept\np:\n  deny message = $recipients $recipients_list",
    );
    await acls.mail({ returnPath: "" });
    await acls.recipient("a@x.example");
    await acls.recipient("b@x.example");
    assert.equal(shown(await acls.predata()), "550 a@x.example, b@x.example a@x.example:b@x.example");
  });
});

describe("variables of the content", () => {
  test("the longest line is that of header and body, without its end, and NULs of the body are counted", async () => {
    const rows: readonly [header: string, body: string, wanted: string][] = [
      ["From: a@b.example\n", `${"x".repeat(999)}\ny\n`, "550 line 999, zeros 0"],
      [`Subject: a\n ${"b".repeat(997)}\nTo: c@d.example\n`, "x\n", "550 line 998, zeros 0"],
      ["From: a@b.example\n", "\0x\0\n", "550 line 17, zeros 2"],
    ];
    for (const [header, body, wanted] of rows) {
      const { acls } = policySession(
        "acl_smtp_rcpt = accept\nacl_smtp_data = d\nbegin acl\nd:\n  deny message = line $max_received_linelength, zeros $body_zerocount\n",
      );
      await acls.mail({ returnPath: "a@b.example" });
      await acls.recipient("c@d.example");
      acls.content(contentOf(header, body));
      assert.equal(shown(await acls.data()), wanted);
    }
  });
});
