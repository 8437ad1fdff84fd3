import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Answer, RecordData, RecordType, Resolver } from "@postbus/dns";
import { ourSession } from "./both-sessions.ts";

const ZONE: Readonly<Record<string, string>> = {
  "good.test": "v=spf1 ip4:192.0.2.1 -all",
  "_dmarc.good.test": "v=DMARC1; p=reject",
};
const resolver: Resolver = {
  async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    const record = type === "TXT" ? ZONE[name] : undefined;
    if (record === undefined) return { state: "no such name", authenticated: false, ttlSeconds: 0 };
    const records = [[record]] as unknown as RecordData[T][];
    return { state: "found", records, name, authenticated: false, ttlSeconds: 60 };
  },
};

const POLICY = `primary_hostname = mx.test
acl_smtp_mail = mail
acl_smtp_rcpt = accept
acl_smtp_data = data
begin acl
mail:
  accept control = \${if eq{$sender_address_local_part}{off}{dmarc_disable_verify}{no_delay_flush}}
         message = spf \${if def:spf_result {$spf_result}{not asked}}
data:
  deny dmarc_status = reject
       message = dmarc $dmarc_status of $dmarc_used_domain
  accept !spf = x : temperror
         !verify = arc/pass
         message = spf $spf_result, dmarc $dmarc_status, arc $arc_state, \${authresults {mx.test}}
  accept message = arc passes
`;

/** As verifier and gateway find it out, by the name servers that are configured. */
describe("a session knows SPF, DMARC and ARC of a message", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-facts-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const replyOf = async (client: string, from = "a@good.test") => {
    const input = [
      "EHLO c.test",
      `MAIL FROM:<${from}>`,
      "RCPT TO:<c@d.test>",
      "DATA",
      "From: a@good.test",
      "",
      ".",
      "QUIT",
    ];
    const said = await ourSession(directory, POLICY, input, { client, resolver });
    return /^354 .*\r\n([\s\S]*?)221 /m.exec(said?.replies ?? "")?.[1] ?? said?.log ?? "not taken";
  };

  test("mail of who may send it", async () => {
    const reply = (await replyOf("192.0.2.1")).replaceAll("\r\n250-", "");
    assert.match(reply, /^250.spf pass, dmarc accept, arc none/);
    assert.match(reply, /spf=pass/);
    assert.match(reply, /dmarc=pass header\.from=good\.test/);
  });

  test("mail of who may not", async () => {
    assert.equal(await replyOf("198.51.100.1"), "550 dmarc reject of good.test\r\n");
  });

  test("not where the policy does not want to know", async () => {
    assert.match(await replyOf("198.51.100.1", "off@good.test"), /^250.spf fail, dmarc off, arc none/);
  });
});
