import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkMessage, readSigningKey, signMessage } from "../../src/index.ts";
import { resolverFor } from "../dns-lab.ts";
import { naiveKey, naivelyHolds, naivelySealed, tagOf } from "./naive-arc.ts";

/*
 * The signing cases of the ARC test suite ("arc-draft-sign-tests"), by the names of its table of contents. It compares what is made octet
 * by octet with what its authors' programs make, which differs from ours in the order of tags; here a verifier that has nothing of
 * ours judges. How it canonicalizes is seen by this: RSA signatures of the same octets are the same.
 */

const key = naiveKey(2048);
const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const resolver = await resolverFor({ "dummy._domainkey.example.org": { TXT: [key.record] } }, 5_000);
const NOW_MS = 1_234_567_000;

const RESULTS =
  "Authentication-Results: lists.example.org; arc=none; spf=pass smtp.mfrom=jqd@d1.example; dmarc=pass\r\n";
const HEADER = [
  "MIME-Version: 1.0",
  "Message-ID: <54B84785.1060301@d1.example.org>",
  "Date: Thu, 14 Jan 2015 15:00:01 -0800",
  "From: John Q Doe <jqd@d1.example.org>",
  "To: arc@example.org",
  "Subject: Example 1",
].join("\r\n");
const BODY = "Hey gang,\r\nThis is a test message.\r\n--J.\r\n";
const BASE = `${HEADER}\r\n\r\n${BODY}`;
const FIELDS = ["From", "To", "Date", "Subject", "MIME-Version"];

/** Sealed by us; of what could not be, why. */
async function sealed(message: string, fields: readonly string[] = FIELDS, results = RESULTS): Promise<string> {
  const arc = {
    ...{ domain: "example.org", selector: "dummy", key: readSigningKey(pem), hasTimestamps: true, isKnownName: true },
    fields,
  };
  const text = results.replace("lists.example.org", "example.org") + message;
  const made = await signMessage(Buffer.from(text, "latin1"), { dkim: [], arc }, NOW_MS);
  return made.problems.length > 0 ? made.problems.join() : made.fields + text;
}

const fieldOf = (message: string, name: string): string => {
  const field = new RegExp(`^${name}:.*(?:\\r\\n[ \\t].*)*`, "m").exec(message)?.[0];
  assert.ok(field !== undefined, `${name} in ${message}`);
  return field;
};
const amsOf = (message: string): string => fieldOf(message, "ARC-Message-Signature");

/** Another message, of which the message signature is the same: it differs in what does not count. */
const same: readonly (readonly [name: string, message: string])[] = [
  ["message_body_eol_wsp", BASE.replace("gang,", "gang,  \t")],
  ["message_body_inl_wsp", BASE.replace("This is", "This \t is")],
  ["message_body_end_lines", `${BASE}\r\n\r\n`],
  ["message_body_trail_crlf", BASE.slice(0, -2)],
  ["headers_field_unfold", BASE.replace("John Q", "John\r\n  Q")],
  ["headers_eol_wsp", BASE.replace("Example 1", "Example 1  \t")],
  ["headers_inl_wsp", BASE.replace("John Q Doe", "John \t Q   Doe")],
  ["headers_col_wsp", BASE.replace("Subject: ", "Subject:   ")],
];

describe("the ARC suite's cases of signing", () => {
  for (const [name, message] of same) {
    test(name, async () => {
      assert.notEqual(message, BASE);
      const text = await sealed(message);
      assert.equal(amsOf(text), amsOf(await sealed(BASE)));
      assert.deepEqual(naivelyHolds(text, 1, key), { message: true, seal: true });
    });
  }

  const TWICE = BASE.replace("Subject:", "X-A: one\r\nX-A: two\r\nSubject:");
  const names: readonly (readonly [name: string, message: string, fields: readonly string[], h: RegExp])[] = [
    ["headers_field_name_case", BASE.replace("From:", "fROM:"), FIELDS, /(^|:)fROM(:|$)/],
    // Each is signed as it stands, from the bottom.
    ["header_order", BASE, ["Subject", "From", "MIME-Version"], /^Subject:From:MIME-Version$/],
    ["header_dup_ord1", TWICE, ["From", "X-A"], /^X-A:X-A:From$/],
    ["header_dup_ord2", TWICE.replace("one\r\nX-A: two", "two\r\nX-A: one"), ["From", "X-A"], /^X-A:X-A:From$/],
    ["sig_header_dup_once", TWICE, ["X-A", "From"], /^X-A:X-A:From$/],
    ["sig_header_dup_twice", TWICE, ["X-A", "From", "X-A"], /^X-A:X-A:From$/],
    // Only what is there is named: a hop further on may add what it likes (RFC 8617 §4.1.2).
    ["header_non", BASE, ["From", "Nonexistant"], /^From$/],
  ];
  for (const [name, message, fields, h] of names) {
    test(name, async () => {
      const text = await sealed(message, fields);
      assert.match(tagOf(amsOf(text), "h") ?? "", h);
      assert.deepEqual(naivelyHolds(text, 1, key), { message: true, seal: true });
    });
  }

  test("header_dup_ord1 and 2 are two messages", async () => {
    const other = TWICE.replace("one\r\nX-A: two", "two\r\nX-A: one");
    assert.notEqual(amsOf(await sealed(TWICE, ["From", "X-A"])), amsOf(await sealed(other, ["From", "X-A"])));
  });

  test("i0_base: nothing is said about the message, and nothing is sealed", async () => {
    assert.match(await sealed(BASE, FIELDS, ""), /^ARC: no Authentication-Results header/);
  });

  const states: readonly (readonly [name: string, hops: number, said: string, cv: string])[] = [
    ["i1_base", 0, "none", "none"],
    ["i2_base", 1, "pass", "pass"],
    ["i3_base", 2, "pass", "pass"],
    ["i1_base_fail", 1, "fail", "fail"],
    ["i2_base_fail", 2, "fail", "fail"],
  ];
  for (const [name, hops, said, cv] of states) {
    test(`${name}: cv=${cv}`, async () => {
      let message = BASE;
      for (let i = 1; i <= hops; i++) message = naivelySealed(message, i, key);
      const text = await sealed(message, FIELDS, RESULTS.replace("arc=none", `arc=${said}`));
      assert.equal(tagOf(fieldOf(text, "ARC-Seal"), "cv"), cv);
      assert.equal(tagOf(fieldOf(text, "ARC-Seal"), "i"), String(hops + 1));
      // Of a chain that has failed, only the new set is sealed (RFC 8617 §5.1.2).
      const instance = hops + 1;
      const alone = text.replaceAll(/^ARC-.*(?:\r\n[ \t].*)*\r\n/gm, (field) =>
        tagOf(field, "i") === String(instance) ? field : "",
      );
      const judged = cv === "fail" ? alone : text;
      assert.deepEqual(naivelyHolds(judged, instance, key), { message: true, seal: true });
      const { arc } = await checkMessage(Buffer.from(text, "latin1"), { wantsArc: true }, resolver);
      assert.equal(arc?.result, cv === "fail" ? "fail" : "pass", arc?.reason ?? "");
    });
  }

  const [first = "", ...others] = naivelySealed(BASE, 1, key).split(/(?=^ARC-(?:M|A))/m);
  const broken: readonly (readonly [name: string, message: string, said: RegExp])[] = [
    ["duplicate_arc_set", naivelySealed(BASE, 1, key).slice(0, -BASE.length) + first + others.join(""), /dup hdr$/],
    ["duplicate_as", first + first + others.join(""), /dup hdr$/],
    ["duplicate_as_i1", first + first.replace("t=12345", "t=12346") + others.join(""), /dup hdr$/],
    ["i=0", first.replace("i=1", "i=0") + others.join(""), /instance find$/],
    ["i=", first.replace("i=1", "i=") + others.join(""), /instance find$/],
    ["i=a", first.replace("i=1", "i=a") + others.join(""), /instance find$/],
  ];
  for (const [name, message, said] of broken) {
    // The suite's draft seals over such sets in an order of its own; RFC 8617 §5.1.2 leaves no chain to be continued.
    test(`${name}: a chain that can be read in two ways is not continued`, async () => {
      const text = await sealed(message, FIELDS, RESULTS.replace("arc=none", "arc=fail"));
      assert.match(text, said);
      assert.match(text, /^ARC: not signed: /);
    });
  }
});
