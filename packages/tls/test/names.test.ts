import assert from "node:assert/strict";
import { constants, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { cipherText, distinguishedName, handshakeProblem, opensslOptions, serverName } from "../src/index.ts";

test("ciphers of TLS 1.2 have their key's bits, too", () => {
  const socket = (name: string) => ({
    getProtocol: () => "TLSv1.2",
    getCipher: () => ({ name, standardName: name, version: "TLSv1.2" }),
  });
  assert.equal(cipherText(socket("ECDHE-RSA-AES256-GCM-SHA384")), "TLS1.2:ECDHE-RSA-AES256-GCM-SHA384:256");
  assert.equal(cipherText(socket("ECDHE-RSA-CHACHA20-POLY1305")), "TLS1.2:ECDHE-RSA-CHACHA20-POLY1305:256");
});

describe("a name that a client asks for", () => {
  const rows: readonly [given: string, used: string | undefined][] = [
    ["mx.example", "mx.example"],
    ["MX.Example.", "mx.example."],
    ["xn--e1aybc.example", "xn--e1aybc.example"],
    ["under_score", "under_score"],
    ["", undefined],
    ["../../etc/passwd", undefined],
    ["a..b", undefined],
    [".hidden", undefined],
    ["a/b", undefined],
    ["a b", undefined],
    ["a\0b", undefined],
    ["mx.exämple", undefined],
    ["$tls_in_sni", undefined],
    [`${"a".repeat(63)}.`.repeat(4), undefined],
  ];
  for (const [given, used] of rows) {
    test(`${JSON.stringify(given)} is ${used === undefined ? "none" : "used"}`, () => {
      assert.equal(serverName(given), used);
    });
  }

  test("of any length is looked at in no time that matters", () => {
    assert.equal(serverName("a.".repeat(1_000_000)), undefined);
  });
});

describe("a distinguished name", () => {
  const rows: readonly [subject: string, line: string][] = [
    ["C=UK\nO=Example\nCN=mx.example", "/C=UK/O=Example/CN=mx.example"],
    ["CN=mx", "/CN=mx"],
    ["", ""],
    ["CN=Zürich\t", "/CN=Z\\xC3\\xBCrich\\x09"],
  ];
  for (const [subject, line] of rows) {
    test(`${JSON.stringify(subject)} is one line`, () => assert.equal(distinguishedName({ subject }), line));
  }

  test("that is empty is undefined to Node", () => {
    const { certificate } = makeCertificate("mx.test", { isNameless: true });
    assert.equal(distinguishedName(new X509Certificate(certificate)), "");
  });

  test("is bounded", () => assert.equal(distinguishedName({ subject: `CN=${"x".repeat(10_000)}` }).length, 512));
});

describe("openssl_options", () => {
  const usual = opensslOptions().bits;
  const rows: readonly [text: string, bits: number, unknown: readonly string[]][] = [
    ["", usual, []],
    ["+no_tlsv1_3", usual + constants.SSL_OP_NO_TLSv1_3, []],
    ["+NO_TLSv1_3  -no_ticket", usual + constants.SSL_OP_NO_TLSv1_3 - constants.SSL_OP_NO_TICKET, []],
    ["-no_ticket +no_ticket", usual, []],
    ["+nonsense no_ticket +__proto__", usual, ["+nonsense", "no_ticket", "+__proto__"]],
    ["+single_ecdh_use -microsoft_sess_id_bug", usual, ["-microsoft_sess_id_bug"]],
  ];
  for (const [text, bits, unknown] of rows) {
    test(`"${text}"`, () => assert.deepEqual(opensslOptions(text), { bits, unknown }));
  }

  test("have neither tickets nor renegotiation by default", () => {
    assert.ok(usual & constants.SSL_OP_NO_TICKET);
    assert.ok(usual & constants.SSL_OP_NO_RENEGOTIATION);
  });
});

test("what went wrong is told in the library's words, where it has some", () => {
  assert.equal(
    handshakeProblem(Object.assign(new Error("0A:error:…"), { reason: "wrong version number" })),
    "wrong version number",
  );
  assert.equal(handshakeProblem(new Error("read ECONNRESET")), "read ECONNRESET");
  assert.equal(handshakeProblem("x"), "x");
});
