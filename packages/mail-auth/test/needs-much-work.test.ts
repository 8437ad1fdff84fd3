import assert from "node:assert/strict";
import { test } from "node:test";
import { needsMuchWork } from "../src/index.ts";

const rows = [
  ["no signature", "From: a@b\r\n\r\nDKIM-Signature: v=1\r\n", false],
  ["a signature at the top", "DKIM-Signature: v=1\r\nFrom: a@b\r\n\r\nx\r\n", true],
  ["a signature further down, with blanks", "From: a@b\r\ndkim-signature \t: v=1\r\n\r\nx\r\n", true],
  ["a seal without any signature of DKIM", "ARC-Seal: i=1\r\nFrom: a@b\r\n\r\nx\r\n", true],
  ["a signature of a hop", "From: a@b\r\nARC-Message-Signature : i=1\r\n\r\nx\r\n", true],
  ["results of a hop alone", "ARC-Authentication-Results: i=1; x\r\nFrom: a@b\r\n\r\nx\r\n", false],
  ["a name within a field", "Subject: ARC-Seal: i=1\r\n\r\nx\r\n", false],
  ["a header without an end", "From: a@b\r\n", true],
  ["a header of 9 KB", `X: ${"y".repeat(9000)}\r\n\r\nx\r\n`, true],
] as const;

for (const [name, text, want] of rows)
  test(`much work: ${name}: ${want}`, () => assert.equal(needsMuchWork(Buffer.from(text, "latin1")), want));
