import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { converse } from "./conversation.ts";

/** RFC 4954 §5, and RFC 3461 §4 for xtext. */
describe("AUTH= of MAIL", () => {
  const rows: readonly [parameter: string, code: string, authenticatedSender?: string][] = [
    ["AUTH=<>", "250", ""],
    ["AUTH=ann@x.test", "250", "ann@x.test"],
    ["AUTH=ann+40x.test", "250", "ann@x.test"],
    ["AUTH=e+3Dmc2@x.test", "250", "e=mc2@x.test"],
    ["AUTH=a+2", "501"],
    ["AUTH=a+0D+0Ab", "501"],
    ["AUTH=", "501"],
    ["AUTH", "501"],
  ];
  for (const [parameter, code, authenticatedSender] of rows) {
    test(parameter, () => {
      const { codes, steps } = converse(["EHLO a.test\r\n", `MAIL FROM:<a@b.test> ${parameter}\r\n`], {
        standing: { mechanisms: "PLAIN" },
      });
      assert.equal(codes.at(-1), code);
      const mail = steps.find(({ kind }) => kind === "mail");
      assert.equal(mail?.kind === "mail" ? mail.authenticatedSender : undefined, authenticatedSender);
    });
  }

  test("where no AUTH was offered, there is no such parameter", () =>
    assert.equal(converse(["EHLO a.test\r\n", "MAIL FROM:<a@b.test> AUTH=<>\r\n"]).codes.at(-1), "555"));
});
