import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readClamdAnswer } from "../../src/clients/clamd.ts";
import { readDccifdAnswer } from "../../src/clients/dccifd.ts";
import { readRspamdAnswer } from "../../src/clients/rspamd.ts";
import { readSpamdAnswer } from "../../src/clients/spamd.ts";
import { EngineError } from "../../src/hosts/engine-error.ts";

describe("answers of dccifd", () => {
  const rows: readonly [answer: string, overall: string, recipients: string, header: string][] = [
    [
      "A\nAA\nX-DCC-test-Metrics: host.example 1000; Body=1 Fuz1=1\n\tFuz2=1\n\n",
      "A",
      "AA",
      "X-DCC-test-Metrics: host.example 1000; Body=1 Fuz1=1 Fuz2=1",
    ],
    ["R\nAR\nX-DCC--Metrics: h; bulk Body=many\n\n", "R", "AR", "X-DCC--Metrics: h; bulk Body=many"],
    ["S\nAR\n\n", "S", "AR", ""],
    ["G\nGG\n\n", "G", "GG", ""],
    ["T\nAA\n\n", "T", "AA", ""],
    ["X\n\n\n", "X", "", ""],
    ["A\nA\nSubject: forged\n\n", "A", "A", ""],
    ["A\nA\nX-DCC-a-Metrics: b\x07c\r\n\n", "A", "A", "X-DCC-a-Metrics: b?c"],
    ["Aargh\nA\n\n", "Aargh", "A", ""],
  ];
  for (const [answer, overall, recipients, header] of rows) {
    test(JSON.stringify(answer), () => {
      assert.deepEqual(readDccifdAnswer(answer), { engine: "dcc", overall, recipients, header });
    });
  }

  test("nothing at all is none", () => assert.throws(() => readDccifdAnswer(""), EngineError));

  for (const answer of ["A", "A\n", "A\nAA"]) {
    test(`${JSON.stringify(answer)} is half of one`, () => assert.throws(() => readDccifdAnswer(answer), EngineError));
  }

  test("a field is no longer than a line may be", () => {
    const { header } = readDccifdAnswer(`A\nA\nX-DCC-a-Metrics: ${"x".repeat(5_000)}\n\n`);
    assert.equal(header.length, 998);
  });
});

describe("answers of clamd", () => {
  const rows: readonly [answer: string, name: string | RegExp][] = [
    ["stream: OK\0", ""],
    ["stream: Eicar-Test-Signature FOUND\0", "Eicar-Test-Signature"],
    ["stream: Test.UNOFFICIAL(44d88612fea8a8f36de82e1278abb02f:68) FOUND\0", "Test.UNOFFICIAL"],
    ["stream: Odd FOUND name FOUND\0", "Odd FOUND name"],
    ["INSTREAM size limit exceeded. ERROR\0", /size limit/],
    ["stream: Can't allocate memory ERROR\0", /allocate/],
    ["stream: perhaps\0", /understands/],
    ["garbage\0", /understands/],
    ["stream: OK", /half/],
    ["", /without an answer/],
  ];
  for (const [answer, name] of rows) {
    test(JSON.stringify(answer), () => {
      if (typeof name === "string") assert.equal(readClamdAnswer(answer), name);
      else assert.throws(() => readClamdAnswer(answer), name);
    });
  }
});

describe("answers of spamd", () => {
  const rows: readonly [answer: string, is: object | RegExp][] = [
    [
      "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 15.3 / 5.0\r\n\r\nreport\r\nline\r\n",
      { score: 15.3, threshold: 5, text: "report\nline\n" },
    ],
    [
      "SPAMD/1.5 0 EX_OK\r\nContent-length: 2\r\nSpam: False ; -1.2 / 5.0\r\n\r\nab",
      { score: -1.2, threshold: 5, text: "ab" },
    ],
    ["SPAMD/1.1 0 EX_OK\nSpam: True ; +5.0 / .5\n\nLF only\n", { score: 5, threshold: 0.5, text: "LF only\n" }],
    ["SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1e3 / 5.\r\n\r\n", { score: 1_000, threshold: 5, text: "" }],
    ["SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5.0\r\n\r\n", /no score/],
    ["SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1e999 / 5.0\r\n\r\n", /no score/],
    ["SPAMD/1.5 0 EX_OK\r\nContent-length: 9\r\nSpam: False ; 1 / 5\r\n\r\nab", /half/],
    ["SPAMD/1.1 0 EX_OK\r\nSpam: Tr", /half/],
    ["SPAMD/1.1 0 EX_OK\r\nSpam: maybe ; 1 / 5\r\n\r\n", /no score/],
    ["SPAMD/1.0 76 Bad header line: x\r\n\r\n", /it says SPAMD\/1.0 76/],
    ["HTTP/1.0 200 OK\r\n\r\n", /half an answer, or none/],
    ["", /without an answer/],
  ];
  for (const [answer, is] of rows) {
    test(JSON.stringify(answer), () => {
      if (is instanceof RegExp) assert.throws(() => readSpamdAnswer(answer), is);
      else assert.deepEqual(readSpamdAnswer(answer), is);
    });
  }
});

describe("answers of rspamd", () => {
  test("score, action and symbols", () => {
    const text = JSON.stringify({
      is_skipped: false,
      score: 6.1,
      required_score: 15,
      action: "add header",
      symbols: { R_SPF_FAIL: { name: "R_SPF_FAIL", score: 1, options: ["-all"] }, GTUBE: {} },
      messages: { smtp_message: "no thanks", other: 1 },
    });
    const { score, threshold, action, symbols, messages } = readRspamdAnswer(text);
    assert.deepEqual([score, threshold, action], [6.1, 15, "add header"]);
    assert.deepEqual(symbols.get("R_SPF_FAIL"), { score: 1, options: ["-all"] });
    assert.deepEqual(symbols.get("GTUBE"), { score: 0, options: [] });
    assert.deepEqual(messages, ["no thanks"]);
  });
  test("one that rejects nothing has no required score", () => {
    const { score, threshold } = readRspamdAnswer('{"score":1000,"required_score":null,"action":"add header"}');
    assert.ok(score < threshold && JSON.stringify(threshold) !== "null");
  });
  for (const text of [
    "",
    "{",
    "[]",
    "{}",
    '{"score":"6","required_score":1,"action":"x"}',
    '{"score":1,"action":"x"}',
    '{"score":1e999,"required_score":1,"action":"x"}',
    '{"score":null,"required_score":1,"action":"x"}',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => assert.throws(() => readRspamdAnswer(text), EngineError));
  }
});
