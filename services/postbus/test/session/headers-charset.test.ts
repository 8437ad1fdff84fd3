import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { program } from "@postbus/testkit";
import { eximSession, ourSession, preamble } from "./both-sessions.ts";

const exim = program("exim-4.98");

/** Shown in base64: replies are cut at blanks, and have no octets above 127 in Exim. */
const SHOWN = [
  ...["h_subject:", "rh_subject:", "bh_subject:", "h_from:", "h_to:", "lh_to:", "header_x-long:"].map(
    (name) => `$${name}`,
  ),
  "${rfc2047:$h_from:}",
  "${rfc2047:J\\xc3\\xb6rg}",
  "${rfc2047d:$rh_subject:}",
  "${rfc2047d:=?iso-8859-1?Q?J=F6rg?=}",
  "${rfc2047d:=?utf-8?Q?a?= =?utf-8?Q?b_c?= d}",
  "${rfc2047d:=?utf-8?Q?a=FFb?=}",
  // Ends the ACL.
  "${rfc2047d:=?x-none?Q?a=E9?=}",
];

const MESSAGE = [
  "Subject: =?iso-8859-1?Q?J=F6rg?= =?utf-8?B?w6TDtsO8?= =?koi8-r?B?8NLJ18XU?= plain",
  "From: =?utf-8?Q?=E2=82=AC_and_=C3=A9?= <a@b.test>",
  "To: one@b.test,",
  " =?utf-8?Q?J=C3=B6?= <two@b.test>",
  "To: three@b.test",
  "X-Long: =?x-none?Q?z=E9?= =?utf-8?Q?a=FF?= \xe9",
  "",
  "text",
  ".",
];

describe("headers_charset: header variables and encoded words as a real Exim has them", {
  skip: exim === undefined && "no exim-4.98 here",
}, () => {
  const root = mkdtempSync(join(tmpdir(), "postbus-charset-"));
  after(() => rmSync(root, { recursive: true, force: true }));
  for (const charset of ["UTF-8", "ISO-8859-1", "ISO-8859-15", "KOI8-R", "US-ASCII"]) {
    test(charset, async () => {
      const directory = join(root, charset);
      const steps = SHOWN.map((text, i) => `         logwrite = SHOWN ${i} \${base64:${text}}\n`).join("");
      const config = `headers_charset = ${charset}\nacl_smtp_rcpt = accept\nacl_smtp_data = d\nbegin acl\nd:\n  accept\n${steps}`;
      const input = ["EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<c@b.test>", "DATA", ...MESSAGE, "QUIT"];
      const [theirs, ours] = [
        await eximSession(exim ?? "", directory, config, input),
        await ourSession(directory, preamble(directory) + config, input),
      ];
      const shown = (session: typeof ours): Map<string, string> => {
        const found = (session?.log ?? "").matchAll(/SHOWN (\d+) ([A-Za-z0-9+/=]*)$/gm);
        return new Map(
          Array.from(found, ([, i = "", text = ""]) => [
            SHOWN[Number(i)] ?? i,
            Buffer.from(text, "base64").toString("latin1"),
          ]),
        );
      };
      assert.deepEqual(shown(ours), shown(theirs), ours?.log ?? "not taken");
      assert.ok(SHOWN.length - shown(ours).size <= 1, ours?.log ?? "not taken");
    });
  }
});
