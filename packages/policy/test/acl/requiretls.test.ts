import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contentOf, policySession } from "./policy-session.ts";

const TELLS = "t:\n accept message = $requiretls/$tls_required/$received_protocol\n";
const CONFIG = `acl_smtp_mail = t\nacl_smtp_rcpt = \${if eq{$sender_address_local_part}{up}{u}{t}}\nacl_smtp_data = t
begin acl\nu:\n accept condition = \${if !bool{$requiretls}}\n  control = requiretls\n  message = upgraded\n${TELLS}`;
const TLS = {
  cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
  cipherStandard: "TLS_AES_256_GCM_SHA384",
  version: "TLS1.3",
  bits: 256,
  sni: "",
  peerName: "",
  peerCertificate: undefined,
  ownCertificate: undefined,
  isVerified: false,
  ocsp: "not requested",
  resumption: "off",
} as const;

async function said(returnPath: string, isRequireTls: boolean, header = ""): Promise<(string | undefined)[]> {
  const { acls, session } = policySession(CONFIG);
  session.connection.tls = TLS;
  await acls.helo("c.example", true);
  const mail = await acls.mail({ returnPath, isRequireTls });
  const rcpt = await acls.recipient("r@y");
  acls.content(contentOf(header));
  const data = await acls.data();
  return [mail, rcpt, data].map(({ reply }) => reply?.lines[0]);
}

describe("what a policy sees of REQUIRETLS", () => {
  test("the word at MAIL is $requiretls, and an S in $received_protocol", async () => {
    assert.deepEqual(await said("a@x", true), ["yes//esmtpS", "yes//esmtpS", "yes//esmtpS"]);
    assert.deepEqual(await said("a@x", false), ["no//esmtps", "no//esmtps", "no//esmtps"]);
  });

  test("control = requiretls is $requiretls, and no S", async () => {
    assert.deepEqual(await said("up@x", false), ["no//esmtps", "upgraded", "yes//esmtps"]);
  });

  test("$tls_required is what the field says (RFC 8689 section 3), unless REQUIRETLS is said", async () => {
    assert.equal((await said("a@x", false, "TLS-Required: No\n"))[2], "no/no/esmtps");
    assert.equal((await said("a@x", false, "TLS-Required: Yes\n"))[2], "no//esmtps");
    assert.equal((await said("a@x", true, "TLS-Required: No\n"))[2], "yes//esmtpS");
    assert.equal((await said("up@x", false, "TLS-Required: No\n"))[2], "yes//esmtps");
  });

  test("what was said of a message does not outlive its MAIL", async () => {
    const { acls, session } = policySession(CONFIG);
    await acls.mail({ returnPath: "a@x", isRequireTls: true });
    await acls.mail({ returnPath: "a@x" });
    assert.equal(session.message.controls.requiresTls, undefined);
  });
});

describe("tls_advertise_requiretls", () => {
  const rows: readonly [list: string, isOffered: boolean | undefined][] = [
    ["*", undefined],
    ["192.0.2.0/24", true],
    ["!192.0.2.1 : *", false],
    ["net-lsearch;/nonexistent/file", true],
  ];
  for (const [list, isOffered] of rows) {
    test(`${list}: ${isOffered ?? "as for all"}`, async () => {
      const { acls, session } = policySession(`tls_advertise_requiretls = ${list}\n`);
      await acls.helo("c.example", true);
      assert.equal(session.connection.offers.requireTls, isOffered);
    });
  }
});
