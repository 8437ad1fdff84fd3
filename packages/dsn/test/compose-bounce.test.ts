import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Bounce, BounceRecipient } from "../src/bounce.ts";
import { composeBounce } from "../src/compose-bounce.ts";

const bob: BounceRecipient = {
  address: "bob@b.test",
  text: "SMTP error from remote mail server after RCPT TO:<bob@b.test>: 550 5.1.1 no such user",
  timedOut: false,
  host: "mx.b.test",
  hostAddress: "192.0.2.1",
  hostPort: 25,
};

const bounce: Bounce = {
  id: "1vMhGf-0000000012a-0Ab3",
  nowMs: Date.UTC(2026, 10, 21, 4, 0, 0),
  receivedAtMs: Date.UTC(2026, 10, 21, 3, 0, 0),
  primaryHostname: "mx.a.test",
  qualifyDomain: "a.test",
  to: "ann@a.test",
  queueId: "1vMhGe-0000000012a-0Ab3",
  about: "first@a.test",
  recipients: [bob],
  original: { octets: Buffer.from("Subject: hello\r\n\r\nbody\r\n"), isWhole: true },
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

const PARSE = `
import email, email.policy, json, sys
def walk(m):
    yield m
    if m.is_multipart():
        for p in m.get_payload(): yield from walk(p)
def text(p):
    if p.get_content_type() == "message/rfc822": return p.get_payload(0).as_bytes().decode("latin1")
    if p.is_multipart(): return ""
    return p.get_payload(decode=True).decode("latin1")
def parse(octets):
    m = email.message_from_bytes(octets)
    fields = {}
    for k, v in m.items(): fields.setdefault(k, []).append(str(v))
    parts = m.get_payload() if m.is_multipart() else []
    status = [dict((k, str(v)) for k, v in g.items()) for p in parts if p.get_content_type() == "message/delivery-status" for g in p.get_payload()]
    return {"type": m.get_content_type(), "reportType": m.get_param("report-type"), "fields": fields, "status": status,
      "defects": [str(d) for p in walk(m) for d in p.defects],
      "parts": [{"type": p.get_content_type(), "text": text(p)} for p in parts]}
lengths = json.loads(sys.stdin.buffer.readline())
json.dump([parse(sys.stdin.buffer.read(n)) for n in lengths], sys.stdout)
`;
const hasPython = spawnSync("python3", ["-c", "import email"]).status === 0;
const needsPython = hasPython ? {} : { skip: "python3 is not here: no independent parser" };

function parseAll(reports: readonly Buffer[]): Parsed[] {
  const lengths = Buffer.from(`${JSON.stringify(reports.map(({ length }) => length))}\n`);
  const python = spawnSync("python3", ["-c", PARSE], {
    input: Buffer.concat([lengths, ...reports]),
    maxBuffer: 2 ** 28,
  });
  assert.equal(python.status, 0, python.stderr.toString());
  return JSON.parse(python.stdout.toString());
}

async function parsed(changes: Partial<Bounce>): Promise<Parsed> {
  const [report] = parseAll([(await composeBounce({ ...bounce, ...changes })).octets]);
  assert.ok(report);
  return report;
}

describe("composeBounce, read by Python's email package", needsPython, () => {
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
    assert.equal(report.parts[2]?.text.replaceAll("\r\n", "\n"), "Subject: hello\n\nbody\n");
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
      "Remote-MTA": "dns; mx.b.test",
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
      const report = await parsed({ original: { octets, isWhole } });
      assert.deepEqual(report.defects, []);
      assert.equal(report.parts[2]?.type, "text/rfc822-headers");
      assert.equal(report.parts[2]?.text.trimEnd(), want.trimEnd());
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
      original: fc.record({
        octets: fc.oneof(fc.uint8Array({ maxLength: 3_000 }), hostile).map((raw) => Buffer.from(raw as string)),
        isWhole: fc.boolean(),
      }),
    });
    const bounces = fc.sample(some, { numRuns: 150, seed: 1 });
    const reports = await Promise.all(bounces.map((changes) => composeBounce({ ...bounce, ...changes })));
    for (const [i, report] of parseAll(reports.map(({ octets }) => octets)).entries()) {
      assert.equal(report.parts.length, 3);
      assert.equal(report.status.length, 1 + (bounces[i]?.recipients.length ?? 0));
      assert.equal(report.fields["Bcc"], undefined);
      assert.equal(report.fields["To"]?.length, 1);
    }
  });
});

describe("composeBounce", () => {
  test("equal arguments give equal octets", async () => {
    assert.deepEqual(await composeBounce(bounce), await composeBounce(bounce));
  });

  test("a message with 8-bit octets makes an 8-bit report, all others a 7-bit one", async () => {
    const octets = Buffer.from("A: b\r\n\r\n\xe9\r\n", "latin1");
    assert.equal((await composeBounce({ ...bounce, original: { octets, isWhole: true } })).eightBit, true);
    const headers = await composeBounce({ ...bounce, original: { octets, isWhole: false } });
    assert.equal(headers.eightBit, false);
    assert.ok(headers.octets.every((octet) => octet < 0x80));
  });

  test("stays within the given size, with fifty recipients and the largest message", async () => {
    const long = "x ".repeat(1_000);
    const recipients = Array.from({ length: 50 }, () => ({ ...bob, text: `550 ${long}` }));
    const octets = Buffer.from(`A: b\r\n${`C: ${long}\r\n`.repeat(99)}\r\nbody`, "latin1");
    const report = await composeBounce({ ...bounce, recipients, original: { octets, isWhole: true } });
    assert.ok(report.octets.length <= bounce.maxOctets, `${report.octets.length}`);
  });

  test("has only CRLF line ends and no line above 998 octets, whatever peers wrote", async () => {
    const text = fc.string({ unit: "binary", maxLength: 3_000 });
    await fc.assert(
      fc.asyncProperty(text, text, fc.uint8Array({ maxLength: 3_000 }), async (address, words, raw) => {
        const { octets } = await composeBounce({
          ...bounce,
          to: address,
          about: words,
          recipients: [{ address, text: words, timedOut: false, host: address }],
          original: { octets: Buffer.from(raw), isWhole: true },
        });
        const lines = octets.toString("latin1").split("\r\n");
        assert.equal(lines.at(-1), "");
        assert.ok(lines.every((line) => line.length <= 998 && !/[\r\n\0]/.test(line)));
      }),
      { numRuns: 200 },
    );
  });
});
