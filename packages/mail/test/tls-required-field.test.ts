import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tlsRequiredField } from "../src/tls-required-field.ts";

/** RFC 8689 §3: one field, `No` in any case, folding white space around it. */
describe("TLS-Required fields", () => {
  const rows: readonly [values: readonly string[], said: ReturnType<typeof tlsRequiredField>][] = [
    [[], undefined],
    [[" No\r\n"], "no"],
    [["nO"], "no"],
    [[" \r\n\t NO \r\n"], "no"],
    [["\n no\n"], "no"],
    [[" Yes"], "invalid"],
    [[""], "invalid"],
    [[" No (really)"], "invalid"],
    [[" N o"], "invalid"],
    [[" No", " No"], "invalid"],
  ];
  for (const [values, said] of rows) {
    test(`${JSON.stringify(values)}: ${said}`, () => assert.equal(tlsRequiredField(values), said));
  }
});
