import assert from "node:assert/strict";
import { test } from "node:test";
import { watchedCommand } from "../../src/server/line-observer.ts";

const rows: readonly [line: string, want: string][] = [
  ["AUTH PLAIN AGFubgBodW50ZXIy", "AUTH PLAIN ***"],
  ["auth\tplain \t AGFubgBodW50ZXIy more", "auth\tplain ***"],
  ["\t AUTH PLAIN AGFubgBodW50ZXIy\r", "\t AUTH PLAIN ***"],
  ["XAUTH;AUTH PLAIN AGFu", "XAUTH;AUTH PLAIN ***"],
  ["AUTH LOGIN", "AUTH LOGIN"],
  ["MAIL FROM:<a@b> AUTH=c@d SIZE=1", "MAIL FROM:<a@b> AUTH=c@d SIZE=1"],
  ["NOOP", "NOOP"],
];
for (const [line, want] of rows) {
  test(`${JSON.stringify(line)} is shown as ${JSON.stringify(want)}`, () => assert.equal(watchedCommand(line), want));
}
