import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "dns-packet";
import fc from "fast-check";
import { queryPacket } from "../src/question.ts";
import { readResponse } from "../src/response.ts";

const query = { ...queryPacket(4711, "example.org", "MX"), type: "MX" } as const;
const honest = encode({
  type: "response",
  id: 4711,
  questions: [{ name: "example.org", type: "MX" }],
  answers: [{ name: "example.org", type: "MX", ttl: 60, data: { preference: 10, exchange: "mx.example.org" } }],
});

test("an honest packet is an answer", () => {
  const response = readResponse(Buffer.from(honest), query, true);
  assert.equal(response.kind, "answer");
});

test("no packet makes the reader throw, and a changed one is never another name's answer", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: honest.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, octet) => {
      const packet = Buffer.from(honest);
      packet.writeUInt8(octet, at);
      const response = readResponse(packet, query, true);
      if (at < 2 && octet !== honest.readUInt8(at)) assert.equal(response.kind, "stray");
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => void readResponse(Buffer.from(octets), query, true)),
  );
});

test("an answer cut anywhere is read or refused, never thrown at us", () => {
  for (let length = 0; length < honest.length; length++) {
    assert.notEqual(readResponse(Buffer.from(honest.subarray(0, length)), query, true).kind, "answer");
  }
});
