import assert from "node:assert/strict";
import { test } from "node:test";
import { statedArcResult } from "../../src/arc/stated-result.ts";

const rows = [
  ["alone", "arc=pass", "pass"],
  ["with blanks and words", "spf=fail smtp.mailfrom=a.example;\r\n\tARC = Fail (i=1)(x) header.s=a", "fail"],
  ["behind a comment", "(x) arc=(y)none;spf=pass", "none"],
  ["in a comment", "iprev=pass (a;arc=pass.evil.example); arc=fail", "fail"],
  ["in a comment within a comment", "iprev=pass (a(b);arc=pass ;); arc=fail", "fail"],
  ["behind an escaped end", "iprev=pass (a\\);arc=pass ;); arc=fail", "fail"],
  ["in a quoted string", 'auth=pass smtp.auth="x;arc=pass"; arc=fail', "fail"],
  ["behind an escaped quote", 'auth=pass smtp.auth="x\\";arc=pass;"; arc=fail', "fail"],
  ["only in a comment", "iprev=pass (a;arc=pass)", undefined],
  ["in a comment without an end", "iprev=pass (a;arc=pass", undefined],
  ["two that differ", "arc=pass; arc=fail", undefined],
  ["two that agree", "arc=fail; arc=fail", "fail"],
  ["another word", "arc=pass.evil", undefined],
  ["another method", "dara=pass; x-arc=pass", undefined],
  ["nothing", "none", undefined],
] as const;

for (const [name, results, want] of rows)
  test(`the state of the chain: ${name}`, () => assert.equal(statedArcResult(results), want));
