import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createResolver, parseServers } from "@postbus/dns";
import { checkMessage } from "@postbus/mail-auth";
import { startDnsServer } from "@postbus/testkit";
import { Chance } from "../fuzz/chance.ts";
import { altered } from "./alterations.ts";
import { keyRecords } from "./key-records.ts";
import { dkimpy, mailDkim, signersKey } from "./other-signers.ts";
import { randomMail, randomSigning, type Signing, textOf } from "./random-mail.ts";

/** POSTBUS_TEST_MESSAGES=5000 for a night's run; each takes about 10 ms. */
const count = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 120);
const firstSeed = Number(process.env["POSTBUS_TEST_SEED"] ?? 1);

const records = keyRecords(signersKey);
const zone = Object.fromEntries(Object.entries(records).map(([name, record]) => [name, { TXT: [record] }]));
const server = await startDnsServer(zone);
after(() => server.stop());
const resolver = createResolver({ servers: parseServers(server.address), attemptTimeoutMs: 5_000, deadlineMs: 10_000 });

interface Sent {
  readonly seed: number;
  readonly signing: Signing;
  /** What has happened to it since it was signed. */
  readonly what: string;
  readonly message: string;
}

/** Where dkimpy 1.1 does not do what RFC 6376 says. */
function isDkimpyWrong({ signing: { s, i, names, template }, message }: Sent): boolean {
  return (
    // §3.6.1: h=, s= and t=s of a key mean nothing to it.
    ["hash1", "other"].includes(s) ||
    (["strict", "both", "edstrict"].includes(s) && i !== undefined && /@sub/i.test(i)) ||
    // §3.5, h=: it takes the signature itself for a field that was signed.
    names.some((name) => name.toLowerCase() === "dkim-signature") ||
    // §3.7: for it, the value of b= may begin within another tag's.
    /=[^;]*\sb=/.test(template ?? "") ||
    // It takes no message with two authors, which is not for DKIM to say.
    (message.match(/^From:/gm)?.length ?? 0) > 1
  );
}

/** Where Mail::DKIM 1.20230212 does not. */
const isMailDkimWrong = ({ signing: { s, names, type }, message }: Sent): boolean =>
  // It is older than RFC 8463.
  type === "ed25519" ||
  // §3.6.1, h=: blanks may stand between the names.
  s === "hashes" ||
  // §3.5, l=: nothing of the body is something else than all of it.
  /[;\s]l\s*=\s*0(?![0-9])/.test(message) ||
  names.some((name) => name.toLowerCase() === "dkim-signature");

function sentMail(): readonly Sent[] {
  const selectors = Object.keys(records).map((name) => name.split(".")[0] ?? "");
  const made = Array.from({ length: count }, (_, n) => {
    const chance = new Chance(firstSeed + n);
    const mail = randomMail(chance);
    return { seed: firstSeed + n, chance, mail, signing: randomSigning(chance, mail, selectors) };
  });
  const bySigner = Map.groupBy(made, ({ signing }) => (signing.signer === "mail-dkim" ? mailDkim : dkimpy));
  return [...bySigner].flatMap(([sign, mails]) => {
    const asked = mails.map(({ signing, mail }) => ({ ...signing, message: textOf(mail) }));
    const signatures = sign?.("sign", asked, records) ?? [];
    return mails.map(({ seed, chance, mail, signing }, n) => {
      const signed = { fields: [signatures[n] ?? "", ...mail.fields], body: mail.body };
      const [what, sent] = altered(chance, signed);
      return { seed, signing, what, message: textOf(sent) };
    });
  });
}

test(`${count} generated messages, signed by dkimpy and Mail::DKIM: we find right what they find right`, {
  skip: (dkimpy === undefined || mailDkim === undefined) && "python3-dkim or libmail-dkim-perl is not installed",
}, async () => {
  const sent = sentMail();
  const [byPython, byPerl] = [dkimpy, mailDkim].map((verify) => verify?.("verify", sent, records) ?? []);
  const found = { pass: 0, fail: 0 };
  for (const [n, mail] of sent.entries()) {
    const { dkim } = await checkMessage(Buffer.from(mail.message, "latin1"), {}, resolver);
    const said = [
      ...(isDkimpyWrong(mail) ? [] : [byPython?.[n] ?? ""]),
      ...(isMailDkimWrong(mail) ? [] : [byPerl?.[n] ?? ""]),
    ];
    const ours = dkim[0]?.result === "pass";
    for (const theirs of said) {
      const all = JSON.stringify({ ...mail, ours: dkim, dkimpy: byPython?.[n], mailDkim: byPerl?.[n] }, undefined, 1);
      assert.equal(ours, /^pass\b/.test(theirs), all);
      found[ours ? "pass" : "fail"]++;
    }
  }
  // Else nothing has been compared.
  assert.ok(found.pass > count / 3 && found.fail > count / 3, JSON.stringify(found));
});
