import assert from "node:assert/strict";
import { test } from "node:test";
import { MailDates } from "../../src/trace/mail-dates.ts";
import { receivedField } from "../../src/trace/received-field.ts";

const arrival = {
  helo: "c.example",
  clientAddress: "192.0.2.1",
  hostname: "mx.test",
  protocol: "esmtp",
  messageId: "1xUZmr-000000002kR-2FF8",
  recipients: ["x@y.example"],
  date: new MailDates().at(Date.UTC(2026, 10, 1, 3, 33, 1)),
};

test("one recipient is named", () => {
  assert.equal(
    receivedField(arrival),
    "Received: from c.example ([192.0.2.1])\r\n\tby mx.test with ESMTP (Postbus)\r\n" +
      "\tid 1xUZmr-000000002kR-2FF8\r\n\tfor <x@y.example>;\r\n\tSun, 01 Nov 2026 03:33:01 +0000\r\n",
  );
});

test("of several none is named: one might be a blind copy", () => {
  assert.doesNotMatch(receivedField({ ...arrival, recipients: ["x@y.example", "z@y.example"] }), /@/);
});

test("IPv6 clients have a tagged literal, TLS its cipher", () => {
  const field = receivedField({ ...arrival, clientAddress: "2001:db8::1", protocol: "esmtps", cipher: "TLS1.3:X:256" });
  assert.match(
    field,
    /^Received: from c\.example \(\[IPv6:2001:db8::1\]\)\r\n\tby mx\.test with ESMTPS \(TLS1\.3:X:256\) /,
  );
});

test("what is no name is shown, and writes nothing of the field", () => {
  for (const [helo, from] of [
    ["c_1.example", "c_1.example ([192.0.2.1])"],
    ["[192.0.2.9]", "[192.0.2.9] ([192.0.2.1])"],
    ["mx ([192.0.2.9]) by bank; (x\xe9", "[192.0.2.1] (helo=mx???192.0.2.9???by?bank???x?)"],
    ["x".repeat(300) + "(", `[192.0.2.1] (helo=${"x".repeat(100)})`],
  ] as const) {
    assert.ok(receivedField({ ...arrival, helo }).startsWith(`Received: from ${from}\r\n\tby mx.test `), helo);
  }
});

test("dates are RFC 5322's, each of its second", () => {
  const dates = new MailDates();
  assert.deepEqual(
    [0, 999, 1_000, 0].map((atMs) => dates.at(atMs).slice(-14)),
    ["00:00:00 +0000", "00:00:00 +0000", "00:00:01 +0000", "00:00:00 +0000"],
  );
  assert.equal(dates.at(0), "Thu, 01 Jan 1970 00:00:00 +0000");
});
