import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MessageVariables } from "../../../src/carried/message-variables.ts";
import type { ArcSigning, MessageSigning } from "../../../src/compiled/transports/signing/message-signing.ts";
import { policyOf } from "../../policy-of.ts";

const message = { messageId: "m", returnPath: "s@x.test", receivedAtMs: 0, reception: { protocol: "esmtp", size: 1 } };
const own = (address: string) => new MessageVariables(message, address);
const compiled = (text: string) =>
  policyOf(`begin transports\nt:\n driver = smtp\n hosts = out.test\n${text}`).transport("t");

async function signingOf(text: string): Promise<MessageSigning | undefined> {
  const transport = await compiled(text).at(own, "r@b.test");
  return transport.driver === "smtp" ? transport.signing?.("r@b.test") : undefined;
}

const BASIC = " dkim_domain = a.test\n dkim_selector = sel\n dkim_private_key = /key\n";

describe("what a transport signs with", () => {
  for (const [name, text] of [
    ["no option", ""],
    ["no key", " dkim_domain = a.test\n dkim_selector = sel\n"],
    ["no selector", " dkim_domain = a.test\n dkim_private_key = /key\n"],
    ["no domain", " dkim_selector = sel\n dkim_private_key = /key\n"],
  ] as const) {
    test(`is nothing with ${name}`, async () => assert.equal(await signingOf(text), undefined));
  }

  test("is the same object for every message where nothing is expanded", async () => {
    const transport = compiled(BASIC);
    assert.equal(transport.variables, undefined);
    assert.equal(transport.at(own, "r@b.test"), transport.at(own, "x@c.test"));
    const made = await transport.at(own, "r@b.test");
    assert.ok(made.driver === "smtp");
    assert.equal(await made.signing?.("r@b.test"), await made.signing?.("x@c.test"));
  });

  test("depends on the message where it names something of it, which is then taken along", async () => {
    const text = BASIC.replace("a.test", "$sender_address_domain");
    assert.equal(compiled(text).variables?.("sender_address_domain"), true);
    const signing = await signingOf(text);
    assert.deepEqual(
      signing?.dkim.map(({ domain, selector, key }) => [domain, selector, key]),
      [["x.test", "sel", { file: "/key" }]],
    );
  });

  test("knows the domain and the selector of each signature", async () => {
    const text =
      " dkim_domain = A.test : b.test\n dkim_selector = ${if eq{$dkim_domain}{a.test}{one : two}{three}}\n" +
      " dkim_private_key = /keys/$dkim_domain/$dkim_selector\n dkim_timestamps = ${length_1:7$dkim_selector}\n";
    const signing = await signingOf(text);
    assert.deepEqual(
      signing?.dkim.map(({ domain, selector, key, lifetimeS }) => [domain, selector, key, lifetimeS]),
      [
        ["a.test", "one", { file: "/keys/a.test/one" }, 7],
        ["a.test", "two", { file: "/keys/a.test/two" }, 7],
        ["b.test", "three", { file: "/keys/b.test/three" }, 7],
      ],
    );
  });

  test("does without the signature that cannot be made", async () => {
    const text = BASIC.replace("/key", "${if eq{$dkim_domain}{a.test}{$sender_address}{/key}}").replace(
      "= a.test",
      "= a.test : b.test",
    );
    const signing = await signingOf(text);
    assert.deepEqual(
      signing?.dkim.map(({ domain }) => domain),
      ["b.test"],
    );
    assert.deepEqual(signing.dkimProblems, ["dkim_private_key: neither a private key nor the name of a file"]);
    assert.equal(signing.isStrict, false);
  });

  test("is strict only where it says so", async () => {
    for (const [word, strict] of [
      ["1", true],
      ["true", true],
      ["yes", false],
      ["${if eq{a}{a}{TRUE}}", true],
    ] as const) {
      assert.equal((await signingOf(`${BASIC} dkim_strict = ${word}\n`))?.isStrict, strict, word);
    }
  });
});

describe("arc_sign", () => {
  const rows: readonly [value: string, found: Partial<ArcSigning> | string][] = [
    ["mx.test : sel : /key", { domain: "mx.test", selector: "sel", key: { file: "/key" }, hasTimestamps: false }],
    [
      "mx.test : sel : ./arc.key : timestamps,expire=+3600",
      { key: { file: "./arc.key" }, hasTimestamps: true, expires: { afterS: 3600 } },
    ],
    ["mx.test : sel : /key : expire", { expires: { afterS: 2_592_000 } }],
    ["mx.test : sel : /key : expire=1900000000", { expires: { atS: 1_900_000_000 } }],
    ["mx.test : sel : -----BEGIN PRIVATE KEY-----x", { key: { pem: "-----BEGIN PRIVATE KEY-----x" } }],
    ["mx test : sel : /key", "ARC: bad signing-specification (identity chars) 'mx test : sel : /key'"],
    ["mx.test : s;l : /key", "ARC: bad signing-specification (selector chars) 'mx.test : s;l : /key'"],
    [": sel : /key", "ARC: bad signing-specification (identity empty) ': sel : /key'"],
    ["mx.test : : /key", "ARC: bad signing-specification (selector empty) 'mx.test : : /key'"],
  ];
  for (const [value, expected] of rows) {
    test(`of ${value}`, async () => {
      const signing = await signingOf(` arc_sign = ${value}\n`);
      if (typeof expected === "string") {
        assert.equal(signing?.arc, undefined);
        assert.deepEqual(signing?.notes, [expected]);
        return;
      }
      for (const [name, wanted] of Object.entries(expected))
        assert.deepEqual(signing?.arc?.[name as keyof ArcSigning], wanted, name);
    });
  }
});
