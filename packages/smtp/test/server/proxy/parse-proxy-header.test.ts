import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseProxyHeader } from "../../../src/server/proxy/parse-proxy-header.ts";
import { binaryHeader, TCP4, TCP6, tlv, withChecksum } from "./headers.ts";

const SEED = 20_261_128;

const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const port = fc.integer({ min: 1, max: 65_535 });
const line = fc.oneof(
  fc.tuple(fc.ipV4(), fc.ipV4(), port, port).map((words) => `PROXY TCP4 ${words.join(" ")}\r\n`),
  fc.tuple(fc.ipV6(), fc.ipV6(), port, port).map((words) => `PROXY TCP6 ${words.join(" ")}\r\n`),
  fc.string({ maxLength: 40 }).map((text) => `PROXY UNKNOWN ${text}\r\n`),
);
const tlvs = fc.array(
  fc.tuple(fc.constantFrom(1, 2, 4, 5, 0x20, 0xea), octets(40)).map(([type, value]) => tlv(type, value)),
  { maxLength: 5 },
);
const binary = fc.oneof(
  tlvs.map((all) => binaryHeader("2111", TCP4 + all.join(""))),
  tlvs.map((all) => withChecksum("2121", TCP6 + all.join(""))),
  octets(100).map((body) => binaryHeader("2000", body.toString("hex"))),
);
const header = fc.oneof(
  line.map((text) => Buffer.from(text, "latin1")),
  binary,
);

test("what follows a header changes nothing, and every beginning of a header wants more", () => {
  fc.assert(
    fc.property(header, octets(50), (whole, rest) => {
      const parsed = parseProxyHeader(whole);
      assert.ok(parsed.kind === "done", whole.toString("hex"));
      assert.equal(parsed.consumed, whole.length);
      assert.deepEqual(parseProxyHeader(Buffer.concat([whole, rest])), parsed);
      for (let n = 0; n < whole.length; n++) assert.equal(parseProxyHeader(whole.subarray(0, n)).kind, "incomplete");
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test("addresses and ports of a line come back as they were", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV4(), port, port, (source, destination, from, to) => {
      const parsed = parseProxyHeader(Buffer.from(`PROXY TCP4 ${source} ${destination} ${from} ${to}\r\n`));
      assert.ok(parsed.kind === "done" && parsed.header.command === "proxy");
      assert.deepEqual(parsed.header.source, { address: source, port: from });
      assert.deepEqual(parsed.header.destination, { address: destination, port: to });
    }),
    { seed: SEED },
  );
});
