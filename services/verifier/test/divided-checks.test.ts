import assert from "node:assert/strict";
import { test } from "node:test";
import type { Checks } from "../src/checks.ts";
import { dividedChecks } from "../src/divided-checks.ts";
import { message, signal, signed } from "./lab.ts";

const none = { dmarcDetail: { isSpfAligned: false, isDkimAligned: false }, signatures: [], queries: 0 };

/** Says where it was asked. */
function named(name: string): Checks {
  return {
    spf: async () => ({ result: "none", domain: name, queries: 0 }),
    message: async () => ({ dkim: [], dmarc: { result: "none", domain: name }, ...none }),
    stop: async () => undefined,
  };
}

async function* inPieces(...pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield piece;
}

const cases = [
  ["an unsigned message", message, "light"],
  ["a signed message", signed, "heavy"],
  ["a signature further down, in other letters", Buffer.from("X: y\r\ndkim-SIGNATURE : x\r\n\r\n"), "heavy"],
  ["the word in the body", Buffer.from("X: y\r\n\r\nDKIM-Signature: x\r\n"), "light"],
  ["a header section that does not end", Buffer.from("X: y\r\n".repeat(10)), "heavy"],
  ["a large header section", Buffer.from(`X: ${"y".repeat(40_000)}\r\n\r\n`), "heavy"],
  ["unsigned content in pieces", inPieces(message, signed), "light"],
  ["signed content in pieces", inPieces(signed, message), "heavy"],
  ["a header section of more than a piece", inPieces(Buffer.from("X: y\r\n"), message), "heavy"],
  ["no content", inPieces(), "light"],
] as const;

const checks = dividedChecks(named("light"), named("heavy"));

for (const [name, content, where] of cases) {
  test(`${name} is ${where} work`, async () => {
    assert.equal((await checks.message({}, content, signal)).dmarc.domain, where);
  });
}

test("SPF is light work", async () => {
  const request = { v: 1, clientAddress: "192.0.2.1", helo: "", returnPath: "" } as const;
  assert.equal((await checks.spf(request, signal)).domain, "light");
});

test("content in pieces is whole for whoever works on it, and is closed when they want no more", async () => {
  let isClosed = false;
  async function* content(): AsyncGenerator<Buffer> {
    try {
      for (const text of ["A: b\r\n\r\n", "1", "2"]) yield Buffer.from(text);
    } finally {
      isClosed = true;
    }
  }
  const seen: string[] = [];
  const reader = (wanted: number): Checks => ({
    ...named("reader"),
    async message(_asked, octets) {
      const pieces = (octets as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      for (let n = 0; n < wanted; n++) seen.push(String((await pieces.next()).value));
      await pieces.return?.();
      return { dkim: [], dmarc: { result: "none", domain: "" }, ...none };
    },
  });
  await dividedChecks(reader(3), named("heavy")).message({}, content(), signal);
  assert.deepEqual(seen, ["A: b\r\n\r\n", "1", "2"]);
  assert.ok(isClosed);
  isClosed = false;
  await dividedChecks(reader(0), named("heavy")).message({}, content(), signal);
  assert.ok(isClosed, "even if nobody has begun");
});
