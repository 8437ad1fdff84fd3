import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { converse } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const settings = { offers: { dsn: true }, offersStatus: false, maxSyntaxErrors: 50 };

/** What comes of one command; `MAIL` is accepted before RCPT. */
function answerTo(parameters: string, verb: "MAIL" | "RCPT") {
  const command = verb === "MAIL" ? "MAIL FROM:<a@b.example>" : "RCPT TO:<x@y.example>";
  const before = verb === "MAIL" ? [EHLO] : [EHLO, "MAIL FROM:<a@b.example>\r\n"];
  const { output, steps } = converse([...before, `${command} ${parameters}\r\n`], { settings });
  const step = steps.find(({ kind }) => kind === (verb === "MAIL" ? "mail" : "recipient"));
  const reply = output.split("\r\n").at(-2) ?? "";
  return step !== undefined && "notification" in step ? step.notification : reply;
}

/** RFC 3461 section 4; texts as Exim 4.96 answers where it has the check. */
describe("parameters of DSN", () => {
  const long = "x".repeat(101);
  const rows: readonly [verb: "MAIL" | "RCPT", parameters: string, want: object | string][] = [
    ["MAIL", "RET=FULL", { ret: "FULL" }],
    ["MAIL", "ret=hdrs ENVID=QQ314159", { ret: "HDRS", envid: "QQ314159" }],
    ["MAIL", "SIZE=5 ENVID=QQ+2B314 BODY=8BITMIME", { envid: "QQ+2B314" }],
    ["MAIL", `ENVID=${long.slice(1)}`, { envid: long.slice(1) }],
    ["MAIL", "RET=BODY", "501 Value for RET is invalid"],
    ["MAIL", "RET", "501 Value for RET is invalid"],
    ["MAIL", "RET=FULL RET=HDRS", "501 RET can be specified once only"],
    ["MAIL", "ENVID=a ENVID=a", "501 ENVID can be specified once only"],
    ["MAIL", `ENVID=${long}`, "501 Value for ENVID is invalid"],
    ["MAIL", "ENVID=a+ZZ", "501 Value for ENVID is invalid"],
    ["MAIL", "ENVID=+0D+0A", "501 Value for ENVID is invalid"],
    ["MAIL", "ENVID=", "501 malformed parameter ENVID="],
    ["MAIL", "ENVID=x=", "501 malformed parameter ENVID=x="],
    ["MAIL", "NOTIFY=NEVER", "555 parameter NOTIFY not recognized"],
    ["MAIL", "ORCPT=rfc822;a@b", "555 parameter ORCPT not recognized"],
    ["RCPT", "NOTIFY=NEVER", { notify: ["NEVER"] }],
    ["RCPT", "NOTIFY=delay,Success", { notify: ["SUCCESS", "DELAY"] }],
    ["RCPT", "NOTIFY=SUCCESS,FAILURE,DELAY", { notify: ["SUCCESS", "FAILURE", "DELAY"] }],
    ["RCPT", "NOTIFY=FAILURE,FAILURE,", { notify: ["FAILURE"] }],
    [
      "RCPT",
      "ORCPT=rfc822;Bob+2Bx@Ex.example NOTIFY=FAILURE",
      { originalRecipient: "rfc822;Bob+2Bx@Ex.example", notify: ["FAILURE"] },
    ],
    ["RCPT", "ORCPT=utf-8;b\\x{E9}@ex.example", { originalRecipient: "utf-8;b\\x{E9}@ex.example" }],
    ["RCPT", "NOTIFY=NEVER,SUCCESS", "501 Invalid value for NOTIFY parameter"],
    ["RCPT", "NOTIFY=ALWAYS", "501 Invalid value for NOTIFY parameter"],
    ["RCPT", "NOTIFY=SUCCESS,,DELAY", "501 Invalid value for NOTIFY parameter"],
    ["RCPT", "NOTIFY=,", "501 Invalid value for NOTIFY parameter"],
    ["RCPT", "NOTIFY", "501 Invalid value for NOTIFY parameter"],
    ["RCPT", "NOTIFY=", "501 malformed parameter NOTIFY="],
    ["RCPT", "NOTIFY=NEVER NOTIFY=NEVER", "501 NOTIFY can be specified once only"],
    ["RCPT", "ORCPT=bob@ex.example", "501 Value for ORCPT is invalid"],
    ["RCPT", "ORCPT=;bob@ex.example", "501 Value for ORCPT is invalid"],
    ["RCPT", "ORCPT=rfc822;", "501 Value for ORCPT is invalid"],
    ["RCPT", "ORCPT=rfc822;a+0A", "501 Value for ORCPT is invalid"],
    ["RCPT", "ORCPT=rf@822;a", "501 Value for ORCPT is invalid"],
    ["RCPT", `ORCPT=rfc822;${"x".repeat(494)}`, "501 Value for ORCPT is invalid"],
    ["RCPT", "ORCPT=rfc822;a ORCPT=rfc822;a", "501 ORCPT can be specified once only"],
    ["RCPT", "RET=FULL", "555 parameter RET not recognized"],
  ];
  for (const [verb, parameters, want] of rows) {
    test(`${verb} ${parameters}`, () => assert.deepEqual(answerTo(parameters, verb), want));
  }

  test("ORCPT of 500 octets", () => {
    const originalRecipient = `rfc822;${"x".repeat(493)}`;
    assert.deepEqual(answerTo(`ORCPT=${originalRecipient}`, "RCPT"), { originalRecipient });
  });

  test("are unknown where DSN is not offered (RFC 5321 section 4.1.1.11)", () => {
    const { output } = converse([
      EHLO,
      "MAIL FROM:<a@b.example> RET=FULL\r\n",
      "MAIL FROM:<>\r\nRCPT TO:<x@y.example> NOTIFY=NEVER\r\n",
    ]);
    assert.ok(!output.includes("DSN"));
    assert.match(output, /\r\n555 5\.5\.4 parameter RET .*\r\n250 .*\r\n555 5\.5\.4 parameter NOTIFY .*\r\n$/);
    const hello = converse(["HELO c.example\r\n", "MAIL FROM:<a@b.example> RET=FULL\r\n"], { settings });
    assert.match(hello.output, /\r\n555 parameter RET not recognized\r\n$/);
  });

  test("DSN stands where Exim has it", () => {
    assert.match(converse([EHLO], { settings }).output, /\r\n250-8BITMIME\r\n250-DSN\r\n250-PIPELINING\r\n/);
  });

  test("whatever comes, it is taken or answered with 501 or 555", () => {
    const word = fc.oneof(
      fc.constantFrom("NOTIFY=", "ORCPT=", "RET=", "ENVID=", "SUCCESS", ",", ";", "+2B", "="),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.constantFrom("MAIL", "RCPT"), (words, verb) => {
        const answer = answerTo(words.join("").replaceAll(/[\r\n]/g, ""), verb);
        if (typeof answer === "string") assert.match(answer, /^(?:250 |50[01] |555 )/);
      }),
      { numRuns: 300, seed: 3461 },
    );
  });
});
