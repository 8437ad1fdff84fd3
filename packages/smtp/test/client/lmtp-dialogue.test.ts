import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LmtpDialogue, type LmtpStep } from "../../src/client/lmtp-dialogue.ts";

const transaction = (recipients: readonly string[], ignoresQuota = false) => ({
  heloName: "mx.test",
  returnPath: "s@b.test",
  recipients,
  ignoresQuota,
});

/** What is said to each of the replies. */
function said(dialogue: LmtpDialogue, replies: readonly string[]): string[] {
  return replies.map((text) => {
    const step: LmtpStep = dialogue.reply({ code: Number(text.slice(0, 3)), text });
    if (step.do === "send content") dialogue.contentSent(100);
    return step.do === "write" ? step.octets : step.do;
  });
}

describe("a dialogue with an LMTP server (RFC 2033)", () => {
  test("goes step by step, with a reply for each accepted recipient at its end", () => {
    const dialogue = new LmtpDialogue(transaction(["a@d.test", "b@d.test", "c@d.test"]));
    const replies = ["220 hi", "250 me", "250 ok", "250 ok", "550 no", "250 ok", "354 go", "250 one", "452 two"];
    assert.deepEqual(said(dialogue, replies), [
      "LHLO mx.test\r\n",
      "MAIL FROM:<s@b.test>\r\n",
      "RCPT TO:<a@d.test>\r\n",
      "RCPT TO:<b@d.test>\r\n",
      "RCPT TO:<c@d.test>\r\n",
      "DATA\r\n",
      "send content",
      "",
      "finish",
    ]);
    assert.deepEqual(dialogue.results, [
      { outcome: "delivered", confirmation: "250 one" },
      { outcome: "failed", text: "LMTP error after RCPT TO:<b@d.test>: 550 no" },
      { outcome: "deferred", errno: -46, text: "LMTP error after end of data: 452 two" },
    ]);
  });

  test("IGNOREQUOTA is said where it is wanted and offered", () => {
    for (const [wanted, offer, expected] of [
      [true, "250-me\n250 IGNOREQUOTA", " IGNOREQUOTA"],
      [true, "250-me\n250 IGNOREQUOTAS", ""],
      [false, "250-me\n250 IGNOREQUOTA", ""],
    ] as const) {
      const dialogue = new LmtpDialogue(transaction(["a@d.test"], wanted));
      assert.equal(said(dialogue, ["220 hi", offer, "250 ok"])[2], `RCPT TO:<a@d.test>${expected}\r\n`);
    }
  });

  test("whatever is answered, everybody has a result, and nobody has one that was not given", () => {
    const codes = fc.constantFrom(220, 250, 354, 421, 450, 550);
    fc.assert(
      fc.property(fc.array(codes, { maxLength: 20 }), fc.boolean(), (replies, isLost) => {
        const dialogue = new LmtpDialogue(transaction(["a@d.test", "b@d.test"]));
        let dots = 0;
        for (const code of replies) {
          const step = dialogue.reply({ code, text: `${code} x` });
          if (step.do === "finish") break;
          if (step.do === "send content") {
            dots++;
            dialogue.contentSent(1);
          }
        }
        if (isLost) dialogue.lost({ kind: "closed" });
        const { results } = dialogue;
        assert.equal(results.length, 2);
        if (dots === 0) assert.ok(results.every(({ outcome }) => outcome !== "delivered"));
      }),
    );
  });
});
