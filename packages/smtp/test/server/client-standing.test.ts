import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientStanding } from "../../src/server/client-standing.ts";
import { converse } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";

const may: Partial<ClientStanding> = { mayOmitSenderDomain: true, mayOmitRecipientDomain: true };

/** Codes as Exim 4.98 has them (`exim -bh`). */
describe("addresses without a domain", () => {
  const rows: readonly [name: string, standing: Partial<ClientStanding>, send: string, codes: string][] = [
    ["are refused in MAIL", {}, "MAIL FROM:<ann>\r\n", "501"],
    ["are refused in MAIL, postmaster as well", {}, "MAIL FROM:<postmaster>\r\n", "501"],
    ["are refused in RCPT", {}, `${MAIL}RCPT TO:<ann>\r\n`, "250 501"],
    ["are refused in VRFY", {}, "VRFY ann\r\n", "501"],
    ["are taken from senders who may", { mayOmitSenderDomain: true }, "MAIL FROM:<ann>\r\nRCPT TO:<x>\r\n", "250 501"],
    ["are taken as recipients where they may", { mayOmitRecipientDomain: true }, `${MAIL}RCPT TO:<x>\r\n`, "250 250"],
    ["do not make an empty one good", may, "MAIL FROM:<ann>\r\nRCPT TO:<>\r\n", "250 501"],
    ["are no errors that are counted", {}, `${"MAIL FROM:<ann>\r\n".repeat(6)}NOOP\r\n`, "501 501 501 501 501 501 250"],
  ];
  for (const [name, standing, send, codes] of rows) {
    test(name, () => assert.equal(converse([EHLO, send], { standing }).codes.slice(2).join(" "), codes));
  }

  test("come to the owner as they are", () => {
    const { steps } = converse([EHLO, "MAIL FROM:<ann>\r\nRCPT TO:<bob>\r\nVRFY carl\r\n"], {
      standing: may,
      settings: { asks: new Set(["vrfy"] as const) },
    });
    assert.partialDeepStrictEqual(steps.slice(1), [
      { kind: "mail", returnPath: "ann" },
      { kind: "recipient", address: "bob" },
      { kind: "vrfy", address: "carl" },
    ]);
  });

  test("for ever are a flood, in RCPT as well", () => {
    const { output, isClosed } = converse([EHLO, MAIL, "RCPT TO:<x>\r\n".repeat(1_100)]);
    assert.ok(isClosed);
    assert.match(output, /\r\n421 4.7.0 Too many commands without a message\r\n$/);
  });
});

describe("VRFY", () => {
  const rows: readonly [argument: string, said: string][] = [
    ["ann@x.example", "ann@x.example"],
    ["<ann@x.example>", "ann@x.example"],
    ["Ann X <ann@x.example>", "ann@x.example"],
    ['"Ann, X" <ann@x.example>', "ann@x.example"],
    ["ann@x.example (Ann)", "ann@x.example"],
    ["<@relay.example:ann@x.example>", "ann@x.example"],
    ["Postmaster", "Postmaster"],
    ["", "501 empty address"],
    ["<>", "501 missing or malformed local part"],
    ["ann@", "501 domain missing or malformed"],
    ["<ann@x.example", "501 '>' missing at end of address"],
    ["ann@x.example, bob@x.example", "501 malformed address"],
    ["ann", "501 ann: recipient address must contain a domain"],
  ];
  for (const [argument, said] of rows) {
    test(`of "${argument}" is "${said}"`, () => {
      const settings = { offersStatus: false, asks: new Set(["vrfy"] as const) };
      const { output, steps } = converse([`VRFY ${argument}\r\n`], { settings });
      const asked = steps.flatMap((step) => (step.kind === "vrfy" ? [step.address] : []));
      assert.equal(asked[0] ?? output.split("\r\n").at(-2), said);
    });
  }
});

describe("what is known of a client", () => {
  test("its name stands in the reply to EHLO", () =>
    assert.match(converse([EHLO], { standing: { name: "host.example" } }).output, /250-mx.test Hello host.example \[/));

  test("a client whose other commands are not limited may send many", () => {
    const send = [EHLO, "NOOP\r\n".repeat(40)];
    assert.ok(converse(send).isClosed);
    assert.ok(!converse(send, { standing: { isNonmailLimited: false } }).isClosed);
  });

  test("without PIPELINING, it is not offered, and who sends ahead is turned away", () => {
    const { output, isClosed } = converse([EHLO, `${MAIL}RCPT TO:<x@y.example>\r\n`], {
      standing: { isPipeliningOff: true },
    });
    assert.doesNotMatch(output, /PIPELINING/);
    assert.match(output, /\r\n554 5.5.0 SMTP synchronization error\r\n$/);
    assert.ok(isClosed);
  });

  test("without STARTTLS, it is not offered, and not taken", () => {
    const { output, codes } = converse([EHLO, "STARTTLS\r\n"], { standing: { isTlsOffered: false } });
    assert.doesNotMatch(output, /250-STARTTLS/);
    assert.deepEqual(codes, ["220", "250", "503"]);
  });

  test("who need not wait may send ahead of the reply to HELO", () => {
    const send = [`HELO c.example\r\n${MAIL}`];
    assert.match(converse(send).output, /554 5.5.0/);
    assert.match(converse(send, { standing: { enforcesSync: false } }).output, /\r\n250 2.1.0 OK\r\n$/);
  });

  test("who wants single lines is not told again why recipients were refused", () => {
    const decide = ({ kind }: { readonly kind: string }) =>
      kind === "recipient" ? ({ code: 550, lines: ["no"] } as const) : undefined;
    const send = [EHLO, MAIL, "RCPT TO:<x@y.example>\r\n", "DATA\r\n"];
    assert.match(
      converse(send, { decide }).output,
      /\r\n503-5.5.1 All RCPT commands .*\r\n503-5.5.1 no\r\n503 5.5.1 Valid/,
    );
    assert.match(
      converse(send, { decide, standing: { wantsSingleLines: true } }).output,
      /550 5.0.0 no\r\n503 5.5.1 Valid/,
    );
  });
});
