import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { policyOf } from "../../policy-of.ts";

const item = {
  v: 1 as const,
  messageId: "1vMhGf-0000000012a-0Ab3",
  returnPath: "ann@a.test",
  recipients: [{ address: "bob@b.test" }],
  receivedAtMs: 0,
  queuedAtMs: 0,
  attempt: 1,
  reception: { protocol: "esmtp", size: 5 },
};

type Request = Parameters<ReturnType<typeof policyOf>["reports"]["terms"]>[0];

function terms(main: string, changes: Partial<Request> = {}) {
  const policy = policyOf(`primary_hostname = mx.test\nqualify_domain = a.test\n${main}\n`);
  const content = Buffer.from("Subject: hello\r\nX-Kind: one\r\n two\r\n\r\nbody\r\n");
  const request: Request = { kind: "failure", item, content, to: "ann@a.test", recipients: ["bob@b.test"], ...changes };
  return policy.reports.terms(request);
}

const about = (header: string): Partial<Request> => ({ kind: "delay", content: Buffer.from(`${header}\r\n\r\n`) });

function file(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-template-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "template"), text);
  return join(directory, "template");
}

describe("what the file says of reports", () => {
  test("where it says nothing, Exim's defaults hold", async () => {
    const { reports } = policyOf("primary_hostname = mx.test\n");
    assert.deepEqual(reports.limits, { returnsMessage: true, returnsBody: true, sizeLimit: 102_400, lineLimit: 998 });
    assert.deepEqual(reports.delayWarningsMs, [86_400_000]);
    const { wording, ...rest } = await terms("");
    assert.equal(wording.from, "Mail Delivery System <Mailer-Daemon@a.test>");
    assert.deepEqual([wording.charset, wording.template, wording.givesDetails], ["us-ascii", undefined, true]);
    assert.deepEqual(rest, { isWanted: true, copies: [], problems: [] });
  });

  test("it is expanded with the variables and the header section of the message", async () => {
    const main = `dsn_from = Daemon of $primary_hostname <d@$qualify_domain>
      bounce_charset = utf-8
      errors_reply_to = postmaster@a.test
      bounce_message_text = Not $expanded
      dsn_info = false
      bounce_return_body = false
      bounce_return_size_limit = 20K`;
    const { wording } = await terms(main);
    assert.equal(wording.from, "Daemon of mx.test <d@a.test>");
    assert.deepEqual([wording.charset, wording.replyTo], ["utf-8", "postmaster@a.test"]);
    assert.deepEqual([wording.text, wording.givesDetails], ["Not $expanded", false]);
    const own = await terms("dsn_from = $h_subject: <$sender_address_local_part@a.test>");
    assert.equal(own.wording.from, "hello <ann@a.test>");
  });

  test("a From that cannot be expanded is the default, and the log says so", async () => {
    const { wording, problems } = await terms("dsn_from = ${if eq{a}}");
    assert.equal(wording.from, "Mail Delivery System <Mailer-Daemon@a.test>");
    assert.match(problems[0] ?? "", /^dsn_from cannot be expanded: /);
  });

  const schedules: readonly [text: string, ms: readonly number[]][] = [
    ["delay_warning = 4h:8h:1d", [14_400_000, 28_800_000, 86_400_000]],
    ["delay_warning = 0s", []],
    ["delay_warning =", []],
  ];
  for (const [text, ms] of schedules) {
    test(`${text} makes warnings at ${ms.length} ages`, () => {
      assert.deepEqual(policyOf(`primary_hostname = mx.test\n${text}\n`).reports.delayWarningsMs, ms);
    });
  }

  const conditions: readonly [header: string, isWanted: boolean][] = [
    ["Subject: x", true],
    ["List-Id: <l.a.test>", false],
    ["List-Post: <mailto:l@a.test>", false],
    ["Precedence: Bulk", false],
    ["Precedence: first-class", true],
    ["Auto-Submitted: auto-generated", false],
    ["Auto-Submitted: no", true],
  ];
  for (const [header, isWanted] of conditions) {
    test(`of a message with "${header}", a warning is ${isWanted ? "" : "not "}made`, async () => {
      assert.equal((await terms("", about(header))).isWanted, isWanted);
    });
  }

  const values: readonly [condition: string, isWanted: boolean, problems: number][] = [
    ["yes", true, 0],
    ["0", false, 0],
    ["", false, 0],
    ["anything", true, 0],
    ["${if eq{a}{b}{yes}fail}", false, 0],
    ["${if eq{a}}", false, 1],
  ];
  for (const [condition, isWanted, problems] of values) {
    test(`delay_warning_condition = ${condition}`, async () => {
      const said = await terms(`delay_warning_condition = ${condition}`, { kind: "delay" });
      assert.deepEqual([said.isWanted, said.problems.length], [isWanted, problems]);
    });
  }
});

describe("errors_copy", () => {
  const list = "*@a.test copy@a.test, ${local_part}-too@$domain : \\N^b.*@z\\N : *@z.test z@z.test";
  const cases: readonly [to: string, copies: readonly string[]][] = [
    ["ann@a.test", ["copy@a.test", "ann-too@a.test"]],
    ["bob@z.test", []],
    ["cy@z.test", ["z@z.test"]],
    ["cy@other.test", []],
  ];
  for (const [to, copies] of cases) {
    test(`of a bounce to ${to} sends ${copies.length} copies`, async () => {
      assert.deepEqual((await terms(`errors_copy = ${list}`, { to })).copies, copies);
    });
  }

  test("is for bounces only", async () => {
    assert.deepEqual((await terms(`errors_copy = ${list}`, { kind: "delay" })).copies, []);
  });
});

describe("template files", () => {
  test("have texts that are expanded, with variables of their own", async (t) => {
    const text = `Subject: for $bounce_recipient\n****\nWe are sorry ($bounce_return_size_limit)\n****\n****\nmore\n`;
    const { wording } = await terms(`bounce_message_file = ${file(t, text)}`);
    assert.deepEqual(wording.template, {
      header: "Subject: for ann@a.test\n",
      opening: "We are sorry (102400)\n",
      closing: "",
    });
    const warning = "Subject: $warn_message_delay\n****\n$warn_message_recipients wait\n****\nBye\n";
    const late = await terms(`warn_message_file = ${file(t, warning)}`, { kind: "delay", delay: "24 hours" });
    assert.deepEqual(late.wording.template, {
      header: "Subject: 24 hours\n",
      opening: "bob@b.test wait\n",
      closing: "Bye\n",
    });
  });

  test("that cannot be read or expanded leave the texts to us, and the log says so", async (t) => {
    const missing = await terms("bounce_message_file = /nonexistent/template");
    assert.equal(missing.wording.template, undefined);
    assert.match(missing.problems[0] ?? "", /^bounce_message_file: ENOENT/);
    const wrong = await terms(`bounce_message_file = ${file(t, "Subject: x\n****\n${if}\n")}`);
    assert.deepEqual(wrong.wording.template, { header: "Subject: x\n", opening: "", closing: "" });
    assert.match(wrong.problems[0] ?? "", /^item 2 of .* cannot be expanded/);
  });
});
