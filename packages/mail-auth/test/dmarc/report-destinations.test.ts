import assert from "node:assert/strict";
import { test } from "node:test";
import { reportDestinations } from "../../src/dmarc/report-destinations.ts";
import { resolverFor } from "../dns-lab.ts";

const resolver = await resolverFor({
  "_dmarc.example.org": { TXT: ["v=DMARC1; p=none"] },
  "example.org._report._dmarc.friend.example": { TXT: ["v=DMARC1"] },
  "example.org._report._dmarc.moved.example": { TXT: ["v=DMARC1; rua=mailto:new@moved.example"] },
  "example.org._report._dmarc.sends-on.example": { TXT: ["v=DMARC1; rua=mailto:victim@other.example"] },
  "example.org._report._dmarc.wrong.example": { TXT: ["v=spf1 -all"] },
  "example.org._report._dmarc.silent.example": "drop",
});

/** What is published, and who may be sent reports. */
const CASES: readonly (readonly [string, string, readonly string[], boolean?])[] = [
  ["an address of the domain", "mailto:a@example.org", ["a@example.org"]],
  ["of a subdomain", "mailto:a@reports.example.org", ["a@reports.example.org"]],
  ["a limit", "mailto:a@example.org!10m", [`a@example.org ${10 * 1024 * 1024}`]],
  ["a limit without a unit", "mailto:a@example.org!500", ["a@example.org 500"]],
  ["a stranger who wants them", "MAILTO:a@friend.example", ["a@friend.example"]],
  ["a stranger who has not said so", "mailto:a@victim.example", []],
  ["a stranger whose record is about something else", "mailto:a@wrong.example", []],
  ["a stranger who names another address", "mailto:old@moved.example", ["new@moved.example"]],
  ["a stranger who names a third", "mailto:a@sends-on.example", []],
  ["a stranger nobody knows about", "mailto:a@silent.example", [], true],
  ["twice the same", "mailto:a@example.org,mailto:a@example.org!1k", ["a@example.org"]],
  ["encoded", "mailto:a%2Bb@example.org", ["a+b@example.org"]],
  ["a header field smuggled in", "mailto:a@example.org?bcc=x@victim.example", ["a@example.org"]],
  ["an end of line in it", "mailto:a%0d%0aBcc:x@example.org", []],
  ["a broken code", "mailto:%zz@example.org", []],
  ["a dot too many", "mailto:a..b@example.org,mailto:.a@example.org,mailto:a.@example.org", []],
  ["a quoted one", 'mailto:"a b"@example.org', []],
  ["another scheme", "https://example.org/reports", []],
  ["no scheme", "a@example.org", []],
  ["nothing", "mailto:", []],
];

for (const [name, uris, expected, isIncomplete] of CASES) {
  test(`reports go to: ${name}`, async () => {
    const request = { v: 1, domain: "example.org", uris: uris.split(","), tag: "rua" } as const;
    const answer = await reportDestinations(request, resolver);
    const given = answer.destinations.map(({ address, maxOctets }) =>
      maxOctets === undefined ? address : `${address} ${maxOctets}`,
    );
    assert.deepEqual([given, answer.isIncomplete], [expected, isIncomplete]);
  });
}
