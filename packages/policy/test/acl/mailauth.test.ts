import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policySession, shown } from "./policy-session.ts";

const ACLS = `begin acl
said:
  accept message = as=$authenticated_sender
asked:
  defer   condition = \${if match{$authenticated_sender}{defer}}
  discard condition = \${if match{$authenticated_sender}{discard}}
  deny    condition = \${if def:sender_address}
  accept  condition = \${if match{$authenticated_sender}{good}}
`;
const WITH_ACL = "acl_smtp_mail = said\nacl_smtp_mailauth = asked";
const LATER = "451 Temporary local problem - please try later";

/** Seen with exim-4.100 -bh. */
describe("AUTH= of MAIL", () => {
  const rows: readonly [
    config: string,
    value: string | undefined,
    isAuthenticated: boolean,
    said: string,
    log?: RegExp,
  ][] = [
    [WITH_ACL, "good@x.test", false, "accept 250 as=good@x.test"],
    [
      WITH_ACL,
      "other@x.test",
      true,
      "accept 250 as=",
      /^main: ignoring AUTH=other@x\.test from H=CLIENT \(rejected by ACL\)$/m,
    ],
    [WITH_ACL, "defer@x.test", false, LATER],
    [WITH_ACL, "discard@x.test", false, LATER, /"discard" verb not allowed in MAILAUTH ACL/],
    [WITH_ACL, "", false, "accept 250 as="],
    [WITH_ACL, undefined, false, "accept 250 as="],
    ["acl_smtp_mail = said", "any@x.test", true, "accept 250 as=any@x.test"],
    [
      "acl_smtp_mail = said",
      "any@x.test",
      false,
      "accept 250 as=",
      /ignoring AUTH=any@x\.test from H=CLIENT \(client not authenticated\)/,
    ],
  ];
  for (const [config, authenticatedSender, isAuthenticated, said, line] of rows) {
    const who = isAuthenticated ? "an authenticated client" : "any client";
    test(`${authenticatedSender ?? "absent"}, of ${who}, ${config === WITH_ACL ? "with" : "without"} an ACL`, async () => {
      const { acls, session, log } = policySession(`${config}\n${ACLS}`);
      if (isAuthenticated)
        session.connection.authentication = { by: "plain", method: "PLAIN", isByCertificate: false, id: "ann" };
      assert.equal(shown(await acls.mail({ returnPath: "a@b.test", authenticatedSender })), said);
      if (line !== undefined) assert.match(log.join("\n"), line);
      acls.reset();
      assert.equal(shown(await acls.mail({ returnPath: "a@b.test" })), "accept 250 as=");
    });
  }
});
