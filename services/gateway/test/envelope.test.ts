import assert from "node:assert/strict";
import { test } from "node:test";
import { Envelope } from "../src/envelope.ts";

test("thousands of recipients are kept in order, each once", () => {
  const envelope = new Envelope("", false);
  const recipients = Array.from({ length: 20_000 }, (_, i) => `r${i}@example.org`);
  for (const recipient of [...recipients, ...recipients]) envelope.add(recipient);
  assert.deepEqual(envelope.recipients, recipients);
});

test("letters' cases make two recipients", () => {
  const envelope = new Envelope("", false);
  envelope.add("R1@example.org");
  envelope.add("r1@example.org");
  assert.equal(envelope.recipients.length, 2);
});
