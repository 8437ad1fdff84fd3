import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseXclient } from "../../src/server/xclient.ts";
import { converse } from "./conversation.ts";

/** Postfix's XCLIENT_README. */
const cases: readonly { text: string; want: unknown }[] = [
  {
    text: "NAME=spike.porcupine.org ADDR=168.100.189.2",
    want: { name: "spike.porcupine.org", address: "168.100.189.2" },
  },
  { text: "NAME=[UNAVAILABLE]", want: { name: "" } },
  { text: "NAME=[TEMPUNAVAIL]", want: {} },
  { text: "ADDR=IPV6:2001:DB8:0::1 PORT=4000", want: { address: "2001:db8::1", port: 4000 } },
  { text: "addr=ipv6:::1", want: { address: "::1" } },
  { text: "ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE]", want: { address: "" } },
  { text: "PROTO=ESMTP HELO=client.example", want: { isExtended: true, helo: "client.example" } },
  { text: "PROTO=smtp HELO=[UNAVAILABLE]", want: { isExtended: false } },
  { text: "LOGIN=ann+40b.example+20x", want: { login: "ann@b.example x" } },
  { text: "LOGIN=[UNAVAILABLE]", want: {} },
  { text: "DESTADDR=203.0.113.9  DESTPORT=25 ", want: { destinationAddress: "203.0.113.9", destinationPort: 25 } },
  { text: "", want: "XCLIENT must have attributes" },
  { text: "FOO=bar", want: "XCLIENT with an unknown attribute" },
  { text: "ADDR", want: "XCLIENT with an unknown attribute" },
  { text: "ADDR=", want: "XCLIENT with an unknown attribute" },
  { text: "ADDR=2001:db8::1", want: "XCLIENT with a bad value of ADDR" },
  { text: "ADDR=IPV6:fe80::1%1", want: "XCLIENT with a bad value of ADDR" },
  { text: "ADDR=IPV6:192.0.2.1", want: "XCLIENT with a bad value of ADDR" },
  { text: "ADDR=192.0.2.1 ADDR=192.0.2.2", want: "XCLIENT with a bad value of ADDR" },
  { text: "PORT=65536", want: "XCLIENT with a bad value of PORT" },
  { text: "PORT=-1", want: "XCLIENT with a bad value of PORT" },
  { text: "PROTO=LMTP", want: "XCLIENT with a bad value of PROTO" },
  { text: "NAME=a/b", want: "XCLIENT with a bad value of NAME" },
  { text: "HELO=a+0D+0Ab", want: "XCLIENT with a bad value of HELO" },
  { text: "HELO=a_b", want: "XCLIENT with a bad value of HELO" },
  { text: "LOGIN=a+0", want: "XCLIENT with a bad value of LOGIN" },
  { text: "LOGIN=a+00", want: "XCLIENT with a bad value of LOGIN" },
  { text: "LOGIN=a+0a", want: "XCLIENT with a bad value of LOGIN" },
];

describe("the arguments of XCLIENT", () => {
  for (const { text, want } of cases) test(JSON.stringify(text), () => assert.deepEqual(parseXclient(text), want));

  test("never make it throw, and no value holds a control character", () => {
    const word = fc.tuple(
      fc.constantFrom("NAME", "ADDR", "PORT", "HELO", "LOGIN", "DESTPORT", "X"),
      fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("+0D", "+41", "[UNAVAILABLE]", "IPV6:::1", "25")),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (words) => {
        const values = parseXclient(words.map((pair) => pair.join("=")).join(" "));
        if (typeof values === "string") return;
        // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
        assert.doesNotMatch(Object.values(values).join(""), /[\0-\x1f\x7f]/);
      }),
      { seed: 20_261_128, numRuns: 500 },
    );
  });
});

describe("a session with a proxy that may say who its client is", () => {
  const said = (chunks: readonly string[], mayXclient = true) => converse(chunks, { standing: { mayXclient } });
  const OFFER = "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n";

  test("is offered XCLIENT, and others are not", () => {
    assert.ok(said(["EHLO p\r\n"]).output.includes(OFFER));
    const { output, codes } = said(["EHLO p\r\n", "XCLIENT ADDR=192.0.2.7\r\n"], false);
    assert.doesNotMatch(output, /XCLIENT/);
    assert.deepEqual(codes, ["220", "250", "500"]);
  });

  test("begins again with the client: asked about, greeted, without a greeting of its own", () => {
    const { codes, steps, output } = said([
      "EHLO p\r\n",
      "XCLIENT ADDR=192.0.2.7\r\n",
      "MAIL FROM:<>\r\n",
      "EHLO c\r\n",
    ]);
    assert.deepEqual(codes, ["220", "250", "220", "503", "250"]);
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ["connect", "xclient", "connect", "refused"],
    );
    assert.match(output, /Hello c \[192\.0\.2\.7\]/);
    assert.equal(output.split(OFFER).length, 2, "the client may not");
  });

  test("takes the client's greeting from it", () => {
    const { codes } = said(["EHLO p\r\n", "XCLIENT ADDR=192.0.2.7 HELO=c PROTO=ESMTP\r\n", "MAIL FROM:<>\r\n"]);
    assert.deepEqual(codes, ["220", "250", "220", "250"]);
  });

  test("may not change it inside of a transaction, or with nonsense", () => {
    const { codes, steps } = said([
      "EHLO p\r\n",
      "MAIL FROM:<>\r\n",
      "XCLIENT ADDR=192.0.2.7\r\n",
      "RSET\r\n",
      "XCLIENT X=1\r\n",
    ]);
    assert.deepEqual(codes, ["220", "250", "250", "503", "250", "501"]);
    assert.ok(!steps.some(({ kind }) => kind === "xclient"));
  });

  test("must wait for the new greeting", () => {
    const { codes, isClosed } = said(["EHLO p\r\n", "XCLIENT ADDR=192.0.2.7\r\nEHLO c\r\n"]);
    assert.deepEqual(codes, ["220", "250", "554"]);
    assert.ok(isClosed);
  });
});
