import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { queryName } from "../src/query-name.ts";

const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

describe("queryName", () => {
  const rows: readonly [name: string, want: string | undefined][] = [
    ["Example.ORG.", "example.org"],
    ["_dmarc.example.org", "_dmarc.example.org"],
    [octets("Bücher.example"), "xn--bcher-kva.example"],
    [octets("_dmarc.bücher.example"), "_dmarc.xn--bcher-kva.example"],
    ["a\xff.example", undefined],
    [octets("ü/.example"), undefined],
    [`${octets("ü").repeat(70)}.example`, undefined],
    ["a..b", undefined],
    ["", undefined],
    ["a b", undefined],
  ];
  for (const [name, want] of rows) test(JSON.stringify(name), () => assert.equal(queryName(name), want));
});
