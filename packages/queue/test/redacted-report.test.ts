import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { composeReport } from "@postbus/dsn";
import { redactedReport } from "../src/redacted-report.ts";

const SECRET = "the merger with Example Ltd";

const limits = { returnsMessage: true, returnsBody: true, sizeLimit: 0, lineLimit: 0 };
const wording = { from: "Mailer-Daemon@mx.test", charset: "us-ascii", givesDetails: true };

async function bounce(original: string, isWhole = false): Promise<Buffer> {
  const { octets } = await composeReport({
    id: "1vMhGf-0000000012a-0Ab3",
    nowMs: 0,
    primaryHostname: "mx.test",
    kind: "failure",
    to: "ann@a.test",
    returnPath: "ann@a.test",
    isSmtpUtf8: false,
    limits,
    wording,
    queueId: "1vMhGf-0000000012a-0Ab2",
    receivedAtMs: 0,
    recipients: [{ address: "bob@b.test", text: "no", timedOut: false }],
    original: { octets: Buffer.from(original, "latin1"), isWhole, size: original.length },
    maxOctets: 100_000,
  });
  return octets;
}

const redacted = async (original: string): Promise<string | undefined> =>
  redactedReport(await bounce(original))?.toString("latin1");

describe("a report that must not tell what it is about (RFC 8689 section 5)", () => {
  test("keeps of the header section Message-ID, Date, and domains; and all else of the report", async () => {
    const original = `Received: from x\r\nFrom: Ann <ann@a.test>\r\nTo: bob@b.test,\r\n cy@c.test\r\nSubject: ${SECRET}\r\nDate: today\r\nMessage-ID: <1@a.test>\r\n`;
    const whole = (await bounce(original)).toString("latin1");
    const text = (await redacted(original)) ?? "";
    assert.ok(whole.includes(SECRET));
    assert.ok(!text.includes(SECRET));
    const part = text.split(/\r\n--[^\r\n]*\r\n/)[3] ?? "";
    assert.equal(
      part.replace(/\r\n--[^\r\n]*--\r\n$/, ""),
      "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
        "From: redacted@a.test\r\nTo: redacted@b.test, redacted@c.test\r\nDate: today\r\nMessage-ID: <1@a.test>\r\n",
    );
    const before = whole.indexOf("Content-Type: text/rfc822-headers");
    assert.equal(text.slice(0, before), whole.slice(0, before));
    assert.ok(text.endsWith(whole.slice(whole.lastIndexOf("\r\n--"))));
  });

  const odd: readonly [name: string, original: string][] = [
    ["nothing is quoted", ""],
    ["it is encoded", `Subject: ${SECRET}\r\nFrom: Gr\xfc\xdfe <ann@a.test>\r\n`],
    ["it has disorderly lines", `Subject: ${SECRET}\nX: y\r\nFrom: ann@a.test\r\n`],
    ["it looks like parts", `Subject: x\r\n--=_postbus-1\r\n Content-Type: ${SECRET}\r\nFrom: a@b\r\n`],
  ];
  for (const [name, original] of odd) {
    test(`is safe where ${name}`, async () => {
      assert.ok(!(await redacted(original))?.includes(SECRET));
    });
  }

  test("is not made of what returns a whole message, or of none", async () => {
    assert.equal(redactedReport(await bounce(`Subject: ${SECRET}\r\n\r\n${SECRET}\r\n`, true)), undefined);
    assert.equal(redactedReport(Buffer.from(`Subject: ${SECRET}\r\n\r\nhello\r\n`)), undefined);
    assert.equal(redactedReport(Buffer.from("Content-Type: multipart/report; boundary=x\r\n\r\n--x--\r\n")), undefined);
  });
});
