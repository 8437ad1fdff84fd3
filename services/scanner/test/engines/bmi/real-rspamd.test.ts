import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type BmiSetup, type Content, decodeBmiVerdict } from "@postbus/contracts";
import { freePort, rspamdIsMissing, startRspamd } from "@postbus/testkit";
import { question, scansWith } from "../../scan-lab.ts";

const HEADER = "Subject: hello\r\n\r\n";

describe("BMI verdicts of rspamd itself", { skip: rspamdIsMissing() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-rspamd-"));
  let rspamd: Awaited<ReturnType<typeof startRspamd>> | undefined;
  before(async () => {
    const rules = {
      symbols: {
        BULK_WORD: { word: "bulk-word", score: 5 },
        BAD_WORD: { word: "bad-word", score: 20 },
        GOOD_WORD: { word: "good-word", score: -1 },
      },
      actions: { reject: 15, "add header": 6 },
      settings: { strict: { reject: 4, "add header": 1 } },
    };
    rspamd = await startRspamd(rules, { port: await freePort(), directory });
  });
  after(async () => {
    await rspamd?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Of a recipient without a profile, and of one that is strict: what is to become of the message, and by which rules. */
  async function verdicts(body: string) {
    const setup: BmiSetup = {
      engines: [
        { driver: "rspamd", name: "r", server: { host: "127.0.0.1", port: rspamd?.port ?? 0 }, timeoutMs: 20_000 },
      ],
      profiles: [{ name: "strict", optin: ["s"], settings: "strict" }],
      rules: [
        { number: 5, test: { symbols: ["BULK_*"] } },
        { number: 8, test: { symbols: ["BAD_WORD"] } },
        { number: 11, test: { score: 4.5 } },
        { number: 12, test: { isSpam: true } },
      ],
      destinations: [
        { name: "worst", test: { score: 20 }, to: "drop" },
        { name: "junk", test: { actions: ["reject"] }, to: { alt: "X-Junk: yes" } },
      ],
    };
    const recipients = ["plain@x", "strict@x"];
    const task = {
      engine: "bmi" as const,
      setup,
      recipients: recipients.map((address) => ({ address, optin: [address[0] ?? ""] })),
    };
    const content: Content = { kind: "inline", octets: Buffer.from(`${HEADER}${body}\r\n`, "latin1") };
    const asked = question(task, { recipients, header: { text: HEADER, replaces: HEADER.length } });
    const answer = await scansWith().scans.answer(asked, content);
    assert.ok(answer.state === "scanned" && answer.verdict.engine === "bmi", JSON.stringify(answer));
    const all = answer.verdict.verdicts.map(decodeBmiVerdict);
    return recipients.map((recipient) => {
      const { d, f } = all.find((verdict) => verdict?.r.includes(recipient)) ?? {};
      return [d, f];
    });
  }

  const JUNK = { alt: "X-Junk: yes" };
  for (const [what, body, plain, strict] of [
    ["nothing fires", "nothing", ["default", []], ["default", []]],
    ["a symbol is a rule", "a bulk-word", ["default", [5, 11]], [JUNK, [5, 11, 12]]],
    ["scores are summed up", "good-word and bulk-word", ["default", [5]], [JUNK, [5, 12]]],
    ["a score is a destination", "a bad-word", ["drop", [8, 11, 12]], ["drop", [8, 11, 12]]],
  ] as const) {
    test(what, async () => assert.deepEqual(await verdicts(body), [plain, strict]));
  }
});
