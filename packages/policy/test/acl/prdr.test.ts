import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeBmiVerdict } from "@postbus/contracts";
import { judgeContent } from "../../src/acl/smtp/judge-content.ts";
import { BmiVerdicts } from "../../src/carried/bmi-verdicts.ts";
import { contentOf, policySession } from "./policy-session.ts";

/** What is said to three recipients, with a wait for each, the first one's being the longest. */
async function said(statements: string): Promise<{ readonly replies: string[]; readonly mostAtOnce: number }> {
  let running = 0;
  let mostAtOnce = 0;
  let asked = 0;
  const delay = async (): Promise<void> => {
    running += 1;
    asked += 1;
    mostAtOnce = Math.max(mostAtOnce, running);
    // The first one waits for most turns.
    for (let turns = 20 - asked; turns > 0; turns--) await Promise.resolve();
    running -= 1;
  };
  const config = `acl_smtp_rcpt = accept\nacl_smtp_data_prdr = prdr\nbegin acl\nprdr:\n${statements}\n`;
  const { acls } = policySession(config, { hooks: { delay } });
  await acls.mail({ returnPath: "s@x", isPrdr: true });
  for (const name of ["a", "b", "c"]) await acls.recipient(`${name}@y`);
  acls.content(contentOf("Subject: hi\n"));
  const replies: string[] = [];
  const say = ({ code, lines }: { readonly code: number; readonly lines: readonly string[] }): undefined =>
    void replies.push(`${code} ${lines.join("/")}`);
  const { reply } = await judgeContent(acls, { say, log: () => undefined });
  if (reply !== undefined) say(reply);
  return { replies, mostAtOnce };
}

test("each recipient has its own verdict of BMI; where there is none, it is to be delivered", async () => {
  const statements = `  deny message = $bmi_deliver $bmi_alt_location \${base64d:$bmi_base64_verdict} \${base64d:$bmi_base64_tracker_verdict}
    condition = \${if or{{!eq{$bmi_deliver}{1}}{def:bmi_alt_location}}}
  accept`;
  const config = `acl_smtp_rcpt = accept\nacl_smtp_data_prdr = prdr\nacl_smtp_data = all\nbegin acl\nprdr:\n${statements}\nall:\n  accept logwrite = <$bmi_deliver>\n`;
  const { acls, session, log } = policySession(config);
  await acls.mail({ returnPath: "s@x", isPrdr: true });
  for (const name of ["a", "b", "c", "d"]) await acls.recipient(`${name}@y`);
  acls.content(contentOf("Subject: hi\n"));
  session.message.bmi = new BmiVerdicts([
    encodeBmiVerdict({ v: 1, r: ["A@y"], d: "default", f: [1], e: 0 }),
    encodeBmiVerdict({ v: 1, r: ["b@Y"], d: "drop", f: [5, 8], e: 0 }),
    encodeBmiVerdict({ v: 1, r: ["c@y"], d: { alt: "X-Junk" }, f: [], e: 0 }),
  ]);
  const replies: string[] = [];
  const say = ({ lines }: { readonly lines: readonly string[] }): undefined => void replies.push(lines.join("/"));
  await judgeContent(acls, { say, log: () => undefined });
  assert.deepEqual(replies.slice(1), [
    "PRDR R=<a@y> acceptance",
    '0  {"v":1,"r":["b@y"],"d":"drop","f":[5,8],"e":0} {"f":[5,8]}',
    '1 X-Junk {"v":1,"r":["c@y"],"d":{"alt":"X-Junk"},"f":[],"e":0} {"f":[]}',
    "PRDR R=<d@y> acceptance",
  ]);
  assert.deepEqual(log, ["main: <1>"]);
});

const WAITS = "  warn delay = 1s\n";

describe("recipients that are asked about when the content is there (PRDR)", () => {
  test("do not wait for each other where their ACL leaves nothing behind, and are answered in their order", async () => {
    const { replies, mostAtOnce } = await said(`${WAITS}  deny local_parts = b\n message = no $local_part\n  accept`);
    assert.deepEqual(replies.slice(0, 4), [
      "353 PRDR content analysis beginning",
      "250 PRDR R=<a@y> acceptance",
      "550 no b",
      "250 PRDR R=<c@y> acceptance",
    ]);
    assert.equal(mostAtOnce, 3);
  });

  for (const [name, statement] of [
    ["sets a variable", "  warn set acl_m_n = ${eval:0$acl_m_n+1}"],
    ["sees which recipients are left", "  warn logwrite = $recipients_count"],
    ["calls one that does", "  warn acl = counts"],
    ["calls one by an expansion", "  warn condition = ${acl{counts}}"],
    ["adds to the message", "  warn add_header = X-Seen: $local_part"],
  ] as const) {
    test(`come one after the other where their ACL ${name}`, async () => {
      const { replies, mostAtOnce } = await said(
        `${WAITS}${statement}\n  deny local_parts = b\n  accept message = $acl_m_n\ncounts:\n  accept set acl_m_n = ${"${eval:0$acl_m_n+1}"}`,
      );
      assert.equal(mostAtOnce, 1);
      assert.equal(replies[2], "550 PRDR R=<b@y> refusal");
      if (statement.includes("acl_m_n") || statement.includes("counts")) {
        assert.deepEqual([replies[1], replies[3]], ["250 1", "250 3"]);
      }
    });
  }

  test("may each call a harmless ACL beside each other", async () => {
    const { mostAtOnce } = await said(`${WAITS}  deny acl = bad\n  accept\nbad:\n  accept local_parts = b`);
    assert.equal(mostAtOnce, 3);
  });
});
