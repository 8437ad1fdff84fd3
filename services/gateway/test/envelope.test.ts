import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Envelope } from "../src/envelope.ts";
import { FactQuestions } from "../src/facts/fact-questions.ts";
import { TransactionFacts } from "../src/facts/transaction-facts.ts";

const nobody = { request: () => Promise.reject(new Error("nobody is asked")) };
const questions = new FactQuestions(nobody, pino({ level: "silent" }));
const facts = new TransactionFacts(questions, 1_000, { clientAddress: "192.0.2.1", helo: "c.test", returnPath: "" });

test("thousands of recipients are kept in order, each once", () => {
  const envelope = new Envelope("", false, facts);
  const recipients = Array.from({ length: 20_000 }, (_, i) => `r${i}@example.org`);
  for (const recipient of [...recipients, ...recipients]) envelope.add(recipient);
  assert.deepEqual(envelope.recipients, recipients);
});

test("of a recipient that comes twice, what was asked for first counts", () => {
  const envelope = new Envelope("", false, facts, { notification: { ret: "FULL" } });
  envelope.add("r@example.org", { notify: ["NEVER"] });
  envelope.add("r@example.org", { notify: ["SUCCESS"] });
  envelope.add("q@example.org");
  assert.deepEqual(envelope.notificationOf("r@example.org"), { notify: ["NEVER"] });
  assert.equal(envelope.notificationOf("q@example.org"), undefined);
});

test("letters' cases make two recipients", () => {
  const envelope = new Envelope("", false, facts);
  envelope.add("R1@example.org");
  envelope.add("r1@example.org");
  assert.equal(envelope.recipients.length, 2);
});
