import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { converse } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const offers = { limits: true };

describe("LIMITS (RFC 9422)", () => {
  const rows: readonly [mailMax: number, recipientsMax: number, line: string | undefined][] = [
    [2, 3, "250-LIMITS MAILMAX=2 RCPTMAX=3"],
    [0, 7, "250-LIMITS RCPTMAX=7"],
    [2, 0, "250-LIMITS MAILMAX=2"],
    [0, 0, undefined],
    [1_000_000, 999_999, "250-LIMITS RCPTMAX=999999"],
  ];
  for (const [mailMax, recipientsMax, line] of rows) {
    test(`${mailMax} messages of ${recipientsMax} recipients: ${line}`, () => {
      const { output } = converse([EHLO], { settings: { mailMax, recipientsMax, offers } });
      assert.equal(/^250-LIMITS.*$/m.exec(output)?.[0].trimEnd(), line);
      if (line !== undefined) assert.ok(output.includes(`250-SIZE 100000\r\n${line}\r\n250-8BITMIME\r\n`));
    });
  }

  test("are told to whom they are offered", () => {
    assert.ok(!converse([EHLO], { settings: { mailMax: 2 } }).output.includes("LIMITS"));
    assert.ok(converse([EHLO], { settings: { mailMax: 2 }, standing: { offers } }).output.includes("LIMITS"));
  });

  test("hold for whoever does not ask: one MAIL more ends the session, each counts (Exim 4.100)", () => {
    const settings = { mailMax: 2 };
    for (const [send, codes] of [
      [`${MAIL}RSET\r\n${MAIL}RSET\r\n${MAIL}RSET\r\n`, "250 250 250 250 421"],
      [`${MAIL}${MAIL}RSET\r\n${MAIL}`, "250 503 250 421"],
      [`MAIL FROM:<a@b\r\n${MAIL}RSET\r\n${MAIL}`, "501 250 250 421"],
    ] as const) {
      const result = converse([EHLO, send], { settings });
      assert.equal(result.codes.slice(2).join(" "), codes);
      assert.match(result.output, /\r\n421 4\.7\.0 too many messages in this connection\r\n$/);
      assert.ok(result.isClosed);
    }
    assert.equal(
      converse([EHLO, `${MAIL}RSET\r\n`.repeat(5)])
        .codes.slice(2)
        .join(""),
      "250".repeat(10),
    );
  });
});
