import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { composeReport } from "../src/compose-report.ts";
import type { Report, ReportRecipient } from "../src/report.ts";
import { FormSurvey, type Original, type ReturnLimits } from "../src/returned-message.ts";
import type { Wording } from "../src/wording.ts";

const bob: ReportRecipient = {
  address: "bob@b.test",
  text: "SMTP error from remote mail server after RCPT TO:<bob@b.test>: 550 5.1.1 no such user",
  timedOut: false,
  host: "mx.b.test",
  hostAddress: "192.0.2.1",
  hostPort: 25,
};

const wording: Wording = {
  from: "Mail Delivery System <Mailer-Daemon@a.test>",
  charset: "us-ascii",
  givesDetails: true,
};

const limits: ReturnLimits = { returnsMessage: true, returnsBody: true, sizeLimit: 100 * 1024, lineLimit: 998 };

const original = (content: string | Buffer, isWhole = true): Original => {
  const octets = Buffer.isBuffer(content) ? content : Buffer.from(content, "latin1");
  return { octets, isWhole, size: octets.length };
};

/** As the caller puts it together. */
async function withLarge(report: Report, message: Buffer): Promise<Buffer> {
  const { octets, behindMessage } = await composeReport({ ...report, mayBeLarge: true });
  assert.ok(behindMessage !== undefined, "the message is to be put in");
  return Buffer.concat([octets, message, behindMessage]);
}

const bounce: Report = {
  kind: "failure",
  id: "1vMhGf-0000000012a-0Ab3",
  nowMs: Date.UTC(2026, 10, 21, 4, 0, 0),
  receivedAtMs: Date.UTC(2026, 10, 21, 3, 0, 0),
  primaryHostname: "mx.a.test",
  to: "ann@a.test",
  returnPath: "ann@a.test",
  isSmtpUtf8: false,
  limits,
  wording,
  queueId: "1vMhGe-0000000012a-0Ab3",
  about: "first@a.test",
  recipients: [bob],
  original: original("Subject: hello\r\n\r\nbody\r\n"),
  maxOctets: 128 * 1024,
};

/** What Python's email package, which shares no code with us, makes of a report. */
interface Parsed {
  readonly type: string;
  readonly reportType: string;
  readonly defects: string[];
  readonly fields: Record<string, string[]>;
  readonly parts: { readonly type: string; readonly text: string }[];
  readonly status: Record<string, string>[];
}

const PROGRAM = fileURLToPath(new URL("programs/read-reports.py", import.meta.url));
const hasPython = spawnSync("python3", ["-c", "import email"]).status === 0;
const needsPython = hasPython ? {} : { skip: "python3 is not here: no independent parser" };

/** One process for all: to start it takes longer than it works. */
const python = hasPython ? spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] }) : undefined;
const answers = python && createInterface({ input: python.stdout })[Symbol.asyncIterator]();
after(() => python?.stdin.end());

async function parseAll(reports: readonly Buffer[]): Promise<Parsed[]> {
  const lengths = Buffer.from(`${JSON.stringify(reports.map(({ length }) => length))}\n`);
  python?.stdin.write(Buffer.concat([lengths, ...reports]));
  const { value, done } = (await answers?.next()) ?? { done: true };
  assert.ok(!done, "python has ended");
  return JSON.parse(value);
}

async function parsed(changes: Partial<Report>): Promise<Parsed> {
  const [report] = await parseAll([(await composeReport({ ...bounce, ...changes })).octets]);
  assert.ok(report);
  return report;
}

describe("composeReport, read by Python's email package", needsPython, () => {
  test("is a report in three parts, with the fields that programs look for", async () => {
    const report = await parsed({});
    assert.equal(report.type, "multipart/report");
    assert.equal(report.reportType, "delivery-status");
    assert.deepEqual(report.defects, []);
    assert.deepEqual(
      report.parts.map(({ type }) => type),
      ["text/plain", "message/delivery-status", "message/rfc822"],
    );
    assert.partialDeepStrictEqual(report.fields, {
      "X-Failed-Recipients": ["bob@b.test"],
      "Auto-Submitted": ["auto-replied"],
      From: ["Mail Delivery System <Mailer-Daemon@a.test>"],
      To: ["ann@a.test"],
      Subject: ["Mail delivery failed: returning message to sender"],
      "In-Reply-To": ["<first@a.test>"],
      References: ["<first@a.test>"],
      "Message-ID": ["<E1vMhGf-0000000012a-0Ab3@mx.a.test>"],
      Date: ["Sat, 21 Nov 2026 04:00:00 +0000"],
    });
    assert.equal(report.parts[2]?.text.replaceAll("\r\n", "\n"), "Return-path: <ann@a.test>\nSubject: hello\n\nbody\n");
  });

  test("says in the second part who failed, where, and what was said", async () => {
    const eve = { address: "eve@b.test", text: "450 4.2.0 later: retry timeout exceeded", timedOut: true };
    const { status } = await parsed({ recipients: [bob, eve] });
    assert.equal(status.length, 3);
    assert.partialDeepStrictEqual(status[0], { "Reporting-MTA": "dns; mx.a.test" });
    assert.partialDeepStrictEqual(status[1], {
      "Final-Recipient": "rfc822;bob@b.test",
      Action: "failed",
      Status: "5.1.1",
      "Remote-MTA": "dns; mx.b.test | X-ip; [192.0.2.1]",
      "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
    });
    assert.partialDeepStrictEqual(status[2], { "Final-Recipient": "rfc822;eve@b.test", Status: "4.4.7" });
  });

  test("explains in the first part, in the words of the other host", async () => {
    const [explanation] = (await parsed({})).parts;
    assert.match(
      explanation?.text ?? "",
      /^ {2}bob@b\.test\r?\n {4}host mx\.b\.test \[192\.0\.2\.1\]\r?\n {4}SMTP error/m,
    );
  });

  test("in the words of the sender: ENVID and ORCPT are decoded, the address is the one that he has given", async () => {
    const { status, fields, parts } = await parsed({
      envelopeId: "QQ+2B314",
      recipients: [
        {
          ...bob,
          address: "bob@inner.test",
          parents: ["staff@inner.test", "sales@b.test"],
          originalRecipient: "rfc822;Sales+2BNorth@b.test",
        },
        { ...bob, address: "eve@b.test", parents: ["all@b.test"] },
        { ...bob, address: "|/bin/filter secret", parents: ["user@b.test", "all@b.test"] },
        {
          ...bob,
          address: "secret@b.test",
          text: "error after RCPT TO:<secret@b.test>: 550 no",
          parents: ["list@b.test"],
          isHidden: true,
        },
      ],
    });
    assert.equal(status[0]?.["Original-Envelope-Id"], "QQ+314");
    assert.deepEqual(
      status.slice(1).map((group) => [group["Original-Recipient"], group["Final-Recipient"]]),
      [
        ["rfc822;Sales+North@b.test", "rfc822;sales@b.test"],
        [undefined, "rfc822;all@b.test"],
        [undefined, "rfc822;all@b.test"],
        [undefined, "rfc822;list@b.test"],
      ],
    );
    assert.deepEqual(fields["X-Failed-Recipients"], ["bob@inner.test, eve@b.test, user@b.test"]);
    const [explanation] = parts;
    assert.match(explanation?.text ?? "", /bob@inner\.test\r\n {4}\(ultimately generated from sales@b\.test\)/);
    assert.match(explanation?.text ?? "", /eve@b\.test\r\n {4}\(generated from all@b\.test\)/);
    assert.match(explanation?.text ?? "", /an undisclosed address\r\n {4}\(generated from list@b\.test\)/);
    assert.ok(!parts.some(({ text }) => text.includes("secret@")));
  });

  test("has what the host has said on the way, or less if the operator wants less", async () => {
    const told: ReportRecipient = {
      ...bob,
      text: "SMTP error from remote mail server after RCPT TO:<bob@b.test>: 550-5.1.1 no\\n550 5.1.1 such user",
      hostPort: 587,
      greeting: "220 mx.b.test ESMTP ready",
      heloReply: "250-mx.b.test Hello mx.a.test",
    };
    const full = await parsed({ recipients: [told] });
    assert.partialDeepStrictEqual(full.status[1], {
      "Remote-MTA": "dns; mx.b.test | X-ip; [192.0.2.1]:587",
      "X-Remote-MTA-smtp-greeting": "X-str; 220 mx.b.test ESMTP ready",
      "X-Remote-MTA-helo-response": "X-str; 250-mx.b.test Hello mx.a.test",
      "X-Exim-Diagnostic":
        "X-str; SMTP error from remote mail server after RCPT TO:<bob@b.test>: 550-5.1.1 no 550 5.1.1 such user",
      "Diagnostic-Code": "smtp; 550-5.1.1 no 550 5.1.1 such user",
    });
    assert.match(
      full.parts[0]?.text ?? "",
      /RCPT TO:<bob@b\.test>:\r\n {4}550-5\.1\.1 no\r\n {4}550 5\.1\.1 such user/,
    );
    const [, short] = (await parsed({ recipients: [told], wording: { ...wording, givesDetails: false } })).status;
    assert.deepEqual(
      Object.keys(short ?? {}).filter((name) => name.startsWith("X-")),
      [],
    );
    assert.equal(short?.["Remote-MTA"], "dns; mx.b.test");
  });

  test("shows what programs have written, and not more than fits", async () => {
    const output = `first\nsecond \x07\n${"x".repeat(20_000)}`;
    const report = await parsed({
      recipients: [
        { ...bob, output },
        { address: "c@b.test", text: "", timedOut: false },
      ],
    });
    const text = report.parts[0]?.text ?? "";
    assert.match(text, /------ bob@b\.test ------\r?\n\r?\nfirst\r?\nsecond {2}/);
    assert.match(text, /\[truncated\]/);
    assert.ok(text.length < 10_000 && !text.includes("------ c@"));
  });

  const kinds: readonly [changes: Partial<Report>, subject: string, auto: string, group: Record<string, string>][] = [
    [
      { kind: "delay", delay: "24 hours", recipients: [{ ...bob, text: "450 4.2.0 later", retryUntilMs: 0 }] },
      "Warning: message 1vMhGe-0000000012a-0Ab3 delayed 24 hours",
      "auto-replied",
      { Action: "delayed", Status: "4.2.0", "Will-Retry-Until": "Thu, 01 Jan 1970 00:00:00 +0000" },
    ],
    [
      { kind: "success", recipients: [{ ...bob, text: "250 2.1.5 ok", action: "relayed" }] },
      "Delivery Status Notification",
      "auto-generated",
      { Action: "relayed", Status: "2.1.5", "Diagnostic-Code": "smtp; 250 2.1.5 ok", "Remote-MTA": "dns; mx.b.test" },
    ],
    [
      { kind: "success", recipients: [{ address: "bob@b.test", text: "", timedOut: false, action: "expanded" }] },
      "Delivery Status Notification",
      "auto-generated",
      { Action: "expanded", Status: "2.0.0" },
    ],
    [{ to: "boss@a.test" }, "Mail delivery failed", "auto-replied", { Action: "failed" }],
  ];
  for (const [changes, subject, auto, group] of kinds) {
    test(`"${subject}" (${group["Action"]}) is a report of its own kind`, async () => {
      const report = await parsed(changes);
      assert.deepEqual(report.fields["Subject"], [subject]);
      assert.deepEqual(report.fields["Auto-Submitted"], [auto]);
      assert.equal(report.fields["X-Failed-Recipients"] === undefined, changes.kind !== undefined);
      assert.partialDeepStrictEqual(report.status[1], group);
      const third = changes.kind === undefined ? "message/rfc822" : "text/rfc822-headers";
      assert.equal(report.parts[2]?.type, third);
    });
  }

  const returned: readonly [name: string, changes: Partial<Report>, type: string | undefined, isLimited: boolean][] = [
    ["RET=HDRS", { ret: "HDRS" }, "text/rfc822-headers", false],
    ["RET=FULL", { ret: "FULL" }, "message/rfc822", false],
    ["no bodies", { limits: { ...limits, returnsBody: false } }, "text/rfc822-headers", false],
    ["no bodies, RET=FULL", { ret: "FULL", limits: { ...limits, returnsBody: false } }, "text/rfc822-headers", true],
    [
      "a size limit",
      { original: original(`A: b\r\n\r\n${"x\r\n".repeat(3_000)}`), limits: { ...limits, sizeLimit: 1 } },
      "text/rfc822-headers",
      true,
    ],
    ["a size limit, which is one of 8 KiB", { limits: { ...limits, sizeLimit: 1 } }, "message/rfc822", false],
    [
      "no size limit",
      {
        original: original(`A: b\r\n\r\n${"x\r\n".repeat(35_000)}`),
        limits: { ...limits, sizeLimit: 0 },
        maxOctets: 200_000,
      },
      "message/rfc822",
      false,
    ],
    ["a limit for lines", { limits: { ...limits, lineLimit: 3 } }, "text/rfc822-headers", true],
    ["nothing", { limits: { ...limits, returnsMessage: false } }, undefined, false],
  ];
  for (const [name, changes, type, isLimited] of returned) {
    test(`with ${name}, ${type ?? "nothing"} is returned${isLimited ? ", and it is said why" : ""}`, async () => {
      const report = await parsed(changes);
      assert.equal(report.parts[2]?.type, type);
      const said = isLimited ? ["Due to administrative limits only headers are returned"] : undefined;
      assert.deepEqual(report.fields["X-Exim-DSN-Information"], said);
    });
  }

  test("has the words of the operator where he has set them", async () => {
    const template = {
      header: "Subject: Oh dear\nX-Ours: yes\nTo: nobody@a.test\nContent-Type: text/html",
      opening: "We are sorry:\n",
      closing: "The program said:",
    };
    const recipients = [{ ...bob, output: "oops" }];
    const report = await parsed({ recipients, wording: { ...wording, template, replyTo: "postmaster@a.test" } });
    assert.partialDeepStrictEqual(report.fields, {
      Subject: ["Oh dear"],
      "X-Ours": ["yes"],
      To: ["ann@a.test"],
      "Reply-To": ["postmaster@a.test"],
    });
    assert.equal(report.type, "multipart/report");
    const text = report.parts[0]?.text ?? "";
    assert.match(text, /^We are sorry:\r?\n\r?\n {2}bob@b\.test/);
    assert.match(text, /The program said:\r?\n\r?\n------ bob@b\.test/);
    const local = await parsed({
      wording: { ...wording, text: "Gr\xc3\xbc\xc3\x9fe", charset: "utf-8", from: "Gr\xc3\xbc <m@a.test>" },
    });
    assert.match(local.parts[0]?.text ?? "", /^This is the mail system at mx\.a\.test\.\r?\nGr\xc3\xbc\xc3\x9fe/);
    assert.match(local.fields["From"]?.[0] ?? "", /^=\?UTF-8\?[QB]\?.*\?= <m@a\.test>$/i);
    assert.deepEqual(local.defects, []);
  });

  test("names the messages before it, twelve at most", async () => {
    const ids = Array.from({ length: 30 }, (_, i) => `<${i}@a.test>`).join("\r\n ");
    const { fields } = await parsed({ original: original(`References: ${ids}\r\nIn-Reply-To: <x@a.test>\r\n\r\n`) });
    const named = fields["References"]?.[0]?.match(/<[^>]*>/g) ?? [];
    assert.deepEqual(
      [named.length, named[0], named[1], named.at(-1)],
      [12, "<0@a.test>", "<20@a.test>", "<first@a.test>"],
    );
    const answer = await parsed({ original: original("In-Reply-To: <x@a.test>\r\n\r\n") });
    assert.deepEqual(answer.fields["References"], ["<x@a.test> <first@a.test>"]);
  });

  test("to an address in UTF-8, it is one for UTF-8; to all others, such addresses are shown in ASCII (RFC 6533)", async () => {
    const address = Buffer.from("b\u00fcro@b.test").toString("latin1");
    const changes = { isSmtpUtf8: true, recipients: [{ ...bob, address, originalRecipient: `utf-8;${address}` }] };
    const wide = await parsed({ ...changes, to: address, returnPath: address });
    assert.deepEqual(
      wide.parts.map(({ type }) => type),
      ["text/plain", "message/global-delivery-status", "message/global"],
    );
    const { octets, smtpUtf8, eightBit } = await composeReport({
      ...bounce,
      ...changes,
      to: address,
      returnPath: address,
    });
    assert.ok(smtpUtf8 && eightBit);
    assert.ok(
      octets.includes("\r\nTo: b\u00fcro@b.test\r\n") && octets.includes("Final-Recipient: utf-8;b\u00fcro@b.test"),
    );
    const narrow = await composeReport({ ...bounce, ...changes });
    assert.deepEqual([narrow.smtpUtf8, narrow.eightBit], [false, false]);
    assert.ok(narrow.octets.includes("Final-Recipient: utf-8;b\\x{FC}ro@b.test"));
  });

  const headersOnly: { name: string; octets: Buffer; isWhole?: boolean; want: string }[] = [
    { name: "larger than 100 KiB", octets: Buffer.from(`A: b\r\n\r\n${"x\r\n".repeat(40_000)}`), want: "A: b\r\n" },
    {
      name: "that the caller could not read whole",
      octets: Buffer.from("A: b\r\n\r\nx"),
      isWhole: false,
      want: "A: b\r\n",
    },
    { name: "with a line above 998", octets: Buffer.from(`A: b\r\n\r\n${"x".repeat(999)}\r\n`), want: "A: b\r\n" },
    { name: "with a bare LF", octets: Buffer.from("A: b\r\n\r\nx\ny\r\n"), want: "A: b\r\n" },
    { name: "with a NUL", octets: Buffer.from("A: b\r\n\r\nx\0\r\n"), want: "A: b\r\n" },
    { name: "without a blank line", octets: Buffer.from("A: b\r\nB: c"), isWhole: false, want: "A: b\r\nB: c" },
    {
      name: "with 8-bit fields",
      octets: Buffer.from("A: \xe9\r\n\r\nx", "latin1"),
      isWhole: false,
      want: "A: \xe9\r\n",
    },
    {
      name: "with bare CR in a field",
      octets: Buffer.from("A: b\rX: c\r\n\r\nx"),
      isWhole: false,
      want: "A: b X: c\r\n",
    },
    { name: "with no header section", octets: Buffer.from("\r\nx\r\n"), isWhole: false, want: "" },
  ];
  for (const { name, octets, isWhole = true, want } of headersOnly) {
    test(`a message ${name} is returned as its headers`, async () => {
      const report = await parsed({ original: original(octets, isWhole) });
      assert.deepEqual(report.defects, []);
      assert.equal(report.parts[2]?.type, "text/rfc822-headers");
      assert.equal(report.parts[2]?.text.trimEnd(), `Return-path: <ann@a.test>\r\n${want}`.trimEnd());
    });
  }

  test("whatever peers wrote, the report has its three parts and one group of fields for each recipient", async () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary", maxLength: 2_000 }),
      fc.constantFrom(
        "\r\nBcc: x@y\r\n",
        "\r\n\r\n",
        "--=_postbus-",
        "a".repeat(5_000),
        '"a, b" <x@y>',
        "550 5.1.1\0no",
      ),
    );
    const recipient = fc.record({ address: hostile, text: hostile, timedOut: fc.boolean(), host: hostile });
    const some = fc.record({
      to: hostile.map((words) => `a${words}`),
      about: hostile,
      recipients: fc.array(recipient, { minLength: 1, maxLength: 5 }),
      original: fc
        .tuple(fc.oneof(fc.uint8Array({ maxLength: 3_000 }), hostile), fc.boolean())
        .map(([raw, isWhole]) => original(Buffer.from(raw as string), isWhole)),
    });
    const bounces = fc.sample(some, { numRuns: 150, seed: 1 });
    const reports = await Promise.all(bounces.map((changes) => composeReport({ ...bounce, ...changes })));
    for (const [i, report] of (await parseAll(reports.map(({ octets }) => octets))).entries()) {
      assert.equal(report.parts.length, 3);
      assert.equal(report.status.length, 1 + (bounces[i]?.recipients.length ?? 0));
      assert.equal(report.fields["Bcc"], undefined);
      assert.equal(report.fields["To"]?.length, 1);
    }
  });
});

describe("composeReport", () => {
  test("equal arguments give equal octets", async () => {
    assert.deepEqual(await composeReport(bounce), await composeReport(bounce));
  });

  test("a message with 8-bit octets makes an 8-bit report, all others a 7-bit one", async () => {
    const octets = Buffer.from("A: b\r\n\r\n\xe9\r\n", "latin1");
    assert.equal((await composeReport({ ...bounce, original: original(octets) })).eightBit, true);
    const headers = await composeReport({ ...bounce, original: original(octets, false) });
    assert.equal(headers.eightBit, false);
    assert.ok(headers.octets.every((octet) => octet < 0x80));
  });

  test("stays within the given size, with fifty recipients and the largest message", async () => {
    const long = "x ".repeat(1_000);
    const recipients = Array.from({ length: 50 }, () => ({ ...bob, text: `550 ${long}` }));
    const octets = Buffer.from(`A: b\r\n${`C: ${long}\r\n`.repeat(99)}\r\nbody`, "latin1");
    const report = await composeReport({ ...bounce, recipients, original: original(octets) });
    assert.ok(report.octets.length <= bounce.maxOctets, `${report.octets.length}`);
  });

  test("has only CRLF line ends and no line above 998 octets, whatever peers wrote", async () => {
    const text = fc.string({ unit: "binary", maxLength: 3_000 });
    await fc.assert(
      fc.asyncProperty(text, text, fc.uint8Array({ maxLength: 3_000 }), async (address, words, raw) => {
        const { octets } = await composeReport({
          ...bounce,
          to: address,
          about: words,
          recipients: [{ address, text: words, timedOut: false, host: address }],
          original: original(Buffer.from(raw)),
        });
        const lines = octets.toString("latin1").split("\r\n");
        assert.equal(lines.at(-1), "");
        assert.ok(lines.every((line) => line.length <= 998 && !/[\r\n\0]/.test(line)));
      }),
      { numRuns: 200 },
    );
  });
});

describe("a message that is too large for the report's own octets", () => {
  const small = { ...bounce, maxOctets: 20_000 };
  const contents = ["Subject: x\r\n\r\nhi\r\n", "Subject: x\r\n\r\nno end", "Subject: \xe9\r\n\r\n\xe9\r\n"];
  for (const content of contents) {
    test(`is put in by the caller, and the report is the same: ${JSON.stringify(content)}`, async () => {
      const message = Buffer.from(`${`X-Long: ${"y".repeat(900)}\r\n`.repeat(20)}${content}`, "latin1");
      const whole = await composeReport({ ...bounce, original: original(message) });
      const survey = new FormSurvey(limits);
      for (let at = 0; at < message.length; at += 7) survey.add(message.subarray(at, at + 7));
      const { form } = survey;
      for (const given of [
        original(message),
        { ...original(message.subarray(0, 900), false), size: message.length, form },
      ])
        assert.deepEqual(await withLarge({ ...small, original: given }, message), whole.octets);
      const { eightBit } = await composeReport({ ...small, original: original(message), mayBeLarge: true });
      assert.equal(eightBit, content.includes("\xe9"));
    });
  }

  test("is not returned where it may not be: too large for the operator, disorderly, or nobody has looked", async () => {
    const large = { octets: Buffer.from("Subject: x\r\n\r\n"), isWhole: false, size: 90_000 };
    const form = { hasOrderlyLines: true, eightBit: false };
    const reports: readonly Report[] = [
      { ...small, original: { ...large, size: 200_000, form } },
      { ...small, original: { ...large, form: { ...form, hasOrderlyLines: false } } },
      { ...small, original: large },
      { ...small, ret: "HDRS", original: { ...large, form } },
      { ...small, kind: "delay", original: { ...large, form } },
    ];
    for (const report of reports) {
      const { octets, behindMessage } = await composeReport({ ...report, mayBeLarge: true });
      assert.equal(behindMessage, undefined);
      assert.match(octets.toString("latin1"), /^Content-Type: text\/rfc822-headers/m);
    }
  });
});
