import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { domainOf, hasDomain, localPartOf } from "../src/index.ts";

const rows = [
  { address: "Ann@B.Example", localPart: "Ann", domain: "b.example" },
  { address: '"a@b"@c.example', localPart: '"a@b"', domain: "c.example" },
  { address: "u@[IPv6:2001:DB8::1]", localPart: "u", domain: "[ipv6:2001:db8::1]" },
  { address: "j\xc3\x96@B\xc3\x9c.example", localPart: "j\xc3\x96", domain: "b\xc3\x9c.example" },
  { address: "postmaster", localPart: "postmaster", domain: "" },
  { address: '"a@b"', localPart: '"a@b"', domain: "" },
  { address: '"a@\\""', localPart: '"a@\\""', domain: "" },
  { address: "", localPart: "", domain: "" },
] as const;

describe("the parts of an address", () => {
  for (const { address, localPart, domain } of rows) {
    test(JSON.stringify(address), () => {
      assert.deepEqual([localPartOf(address), domainOf(address)], [localPart, domain]);
      assert.equal(hasDomain(address), domain !== "");
    });
  }
});
