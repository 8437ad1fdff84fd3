import assert from "node:assert/strict";
import { test } from "node:test";
import type { Checks } from "../src/checks.ts";
import { dividedChecks } from "../src/divided-checks.ts";
import { message, signal, signed } from "./lab.ts";

/** Says where it was asked. */
function named(name: string): Checks {
  return {
    spf: async () => ({ result: "none", domain: name }),
    message: async () => ({ dkim: [], dmarc: { result: "none", domain: name } }),
    stop: async () => undefined,
  };
}

async function* inPieces(): AsyncGenerator<Buffer> {
  yield message;
}

const cases = [
  ["an unsigned message", message, "light"],
  ["a signed message", signed, "heavy"],
  ["a signature further down, in other letters", Buffer.from("X: y\r\ndkim-SIGNATURE : x\r\n\r\n"), "heavy"],
  ["the word in the body", Buffer.from("X: y\r\n\r\nDKIM-Signature: x\r\n"), "light"],
  ["a header section that does not end", Buffer.from("X: y\r\n".repeat(10)), "heavy"],
  ["a large header section", Buffer.from(`X: ${"y".repeat(40_000)}\r\n\r\n`), "heavy"],
  ["spooled content", inPieces(), "heavy"],
] as const;

const checks = dividedChecks(named("light"), named("heavy"));

for (const [name, content, where] of cases) {
  test(`${name} is ${where} work`, async () => {
    assert.equal((await checks.message(undefined, content, signal)).dmarc.domain, where);
  });
}

test("SPF is light work", async () => {
  const request = { v: 1, clientAddress: "192.0.2.1", helo: "", returnPath: "" } as const;
  assert.equal((await checks.spf(request, signal)).domain, "light");
});
