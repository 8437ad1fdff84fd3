import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandHistory } from "../../src/server/command-history.ts";

const historyOf = (verbs: readonly string[]): string => {
  const history = new CommandHistory();
  for (const verb of verbs) history.add(verb);
  return String(history);
};

test("the verbs are told in their order, unknown ones not at all", () =>
  assert.equal(historyOf(["EHLO", "FOO", "MAIL", "RCPT", "", "RSET"]), "EHLO,MAIL,RCPT,RSET"));

test("nothing was said", () => assert.equal(historyOf([]), ""));

test("only the last twenty are kept", () =>
  assert.equal(historyOf(["EHLO", "MAIL", ...Array<string>(19).fill("RCPT")]), `MAIL${",RCPT".repeat(19)}`));
