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

/** Headers with octets changed, and noise that begins like one. */
const hostile = fc.oneof(
  octets(200),
  octets(200).map((noise) => Buffer.concat([Buffer.from("PROXY "), noise])),
  fc
    .tuple(fc.constantFrom("2011", "2111", "2121", "2131", "1111", "2f00"), octets(300), fc.nat({ max: 0xffff }))
    .map(([start, body, length]) => binaryHeader(start, body.toString("hex"), length)),
  fc
    .tuple(header, fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }))
    .map(([whole, changes]) => {
      const changed = Buffer.from(whole);
      for (const [at, octet] of changes) if (at < changed.length) changed[at] = octet;
      return changed;
    }),
);

test("nothing makes it throw, and what it says of a beginning it says of the whole", () => {
  fc.assert(
    fc.property(hostile, (input) => {
      const whole = parseProxyHeader(input);
      if (whole.kind !== "incomplete") assert.ok(whole.consumed > 0 && whole.consumed <= 65_551);
      if (whole.kind === "done") assert.ok(whole.consumed <= input.length);
      for (let n = 0; n < input.length; n++) {
        const part = parseProxyHeader(input.subarray(0, n));
        if (part.kind !== "incomplete") assert.deepEqual(part, whole);
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("it never asks for more than 4,096 octets", () => {
  fc.assert(
    fc.property(hostile, octets(64), (start, noise) => {
      const filled = Buffer.alloc(4_096, noise.length === 0 ? "x" : noise);
      assert.notEqual(parseProxyHeader(Buffer.concat([start, filled])).kind, "incomplete");
    }),
    { seed: SEED, numRuns: 500 },
  );
});
