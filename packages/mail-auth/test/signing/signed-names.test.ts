import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field } from "../../src/header-section.ts";
import { signedNames } from "../../src/signing/signed-names.ts";

/** As Exim 4.98 signs them. */
const rows: readonly [name: string, list: string, header: string, names: string][] = [
  ["names that are there, from the bottom", "From:Subject", "From Subject", "Subject:From"],
  ["one that is not there comes last", "From:To:Subject", "From Subject", "Subject:From:To"],
  ["of several the last one", "From:To", "To From To", "To:From"],
  ["a name twice: two of them", "To:To:From", "To From To", "To:From:To"],
  ["a name twice, of which one is there", "From:From", "From", "From:From"],
  ["=: all of them", "=To:From", "To From To", "To:From:To"],
  ["=: none is there", "=To:From", "From", "From"],
  ["+: all of them, and one more", "+To:From", "To From To", "To:From:To:To"],
  ["+: none is there", "+To:From", "From", "From:To"],
  ["in the spelling of the message", "from:subject:date", "FROM SuBject", "SuBject:FROM:date"],
];

for (const [name, list, header, names] of rows) {
  test(`signed fields: ${name}`, () => {
    const written = header.split(" ");
    const fields = written.map((text, i): Field => ({ name: text.toLowerCase(), start: i, end: i }));
    const found = signedNames(list.split(":"), fields, ({ start }) => written[start] ?? "");
    assert.equal(found.join(":"), names);
  });
}
