import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { asciiDomain } from "../src/ascii-domain.ts";

const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

describe("asciiDomain", () => {
  const rows: readonly [domain: string, want: string | undefined][] = [
    ["example.org", "example.org"],
    ["_dmarc.Example.org", "_dmarc.Example.org"],
    [octets("bücher.example"), "xn--bcher-kva.example"],
    [octets("BÜCHER.example"), "xn--bcher-kva.example"],
    [octets("_dmarc.bücher.example"), "_dmarc.xn--bcher-kva.example"],
    [octets("例え.テスト"), "xn--r8jz45g.xn--zckzah"],
    ["b\xff.example", undefined],
    ["b\xc3.example", undefined],
    [octets("b\u200bü .example"), undefined],
    [octets("ü/x"), undefined],
    [octets("ü／x.example"), undefined],
    [octets("ü%2e.example"), undefined],
    [octets("ü:25"), undefined],
    [octets("１.２.３.４"), undefined],
  ];
  for (const [domain, want] of rows) test(JSON.stringify(domain), () => assert.equal(asciiDomain(domain), want));

  test("it is ASCII, or nothing", () => {
    const text = fc.string({ unit: "binary" }).map(octets);
    fc.assert(fc.property(text, (domain) => !/[^\0-\x7f]/.test(asciiDomain(domain) ?? "")));
  });
});
