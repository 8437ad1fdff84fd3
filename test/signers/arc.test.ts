import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { after, test } from "node:test";
import { createResolver, parseServers } from "@postbus/dns";
import { checkMessage, signMessage } from "@postbus/mail-auth";
import { startDnsServer } from "@postbus/testkit";
import { Chance } from "../fuzz/chance.ts";
import { alteredChain } from "./alterations-of-chains.ts";
import { dkimpy, mailDkim, type Records, signersKey } from "./other-signers.ts";
import { randomMail, textOf } from "./random-mail.ts";

/** POSTBUS_TEST_MESSAGES=2000 for a night's run; each takes about 50 ms. */
const count = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 40);
const firstSeed = Number(process.env["POSTBUS_TEST_SEED"] ?? 1);
const MOST_HOPS = 5;

const domainOf = (hop: number): string => `hop${hop}.test`;
const record = `v=DKIM1; k=rsa; p=${signersKey.rsa}`;
const records: Records = Object.fromEntries(
  Array.from({ length: MOST_HOPS }, (_, n) => [`rsa._domainkey.${domainOf(n + 1)}`, record.match(/.{1,255}/g) ?? []]),
);
const server = await startDnsServer(
  Object.fromEntries(Object.entries(records).map(([name, TXT]) => [name, { TXT: [TXT] }])),
);
after(() => server.stop());
const resolver = createResolver({ servers: parseServers(server.address), attemptTimeoutMs: 5_000, deadlineMs: 10_000 });
const key = { type: "rsa", key: createPrivateKey(signersKey.pem) } as const;

const SEALERS = ["ours", "dkimpy", "mail-dkim"] as const;

interface Chain {
  readonly seed: number;
  readonly chance: Chance;
  readonly sealers: readonly (typeof SEALERS)[number][];
  readonly text: string;
}

function unsealed(seed: number): Chain {
  const chance = new Chance(seed);
  const sealers = Array.from({ length: 1 + chance.integer(MOST_HOPS) }, () => chance.pick(SEALERS));
  return { seed, chance, sealers, text: textOf(randomMail(chance)) };
}

/** What our signer puts on top. */
async function ownSeal(message: string, domain: string): Promise<string> {
  const arc = {
    ...{ domain, selector: "rsa", key, hasTimestamps: false, isKnownName: true, clientAddress: "192.0.2.1" },
    fields: ["From", "Subject", "Date", "To", "DKIM-Signature"],
  };
  const { fields, problems } = await signMessage(Buffer.from(message, "latin1"), { dkim: [], arc }, Date.now());
  assert.deepEqual(problems, [], message);
  return fields;
}

/** The same messages, as they leave their hops. */
async function sealed(chains: readonly Chain[]): Promise<readonly Chain[]> {
  let now = chains;
  for (let hop = 1; hop <= MOST_HOPS; hop++) {
    const domain = domainOf(hop);
    const cv = hop === 1 ? "none" : "pass";
    const results = `Authentication-Results: ${domain}; arc=${cv}\r\n`;
    const coming = now.map((chain) => (hop > chain.sealers.length ? chain : { ...chain, text: results + chain.text }));
    const made = new Map<Chain, string>();
    for (const [sealer, seal] of [
      ["dkimpy", dkimpy],
      ["mail-dkim", mailDkim],
    ] as const) {
      const theirs = coming.filter(({ sealers }) => sealers[hop - 1] === sealer);
      const fields =
        seal?.(
          "seal",
          theirs.map(({ text }) => ({ message: text, d: domain, cv })),
          records,
        ) ?? [];
      for (const [n, chain] of theirs.entries()) made.set(chain, fields[n] ?? "");
    }
    for (const chain of coming)
      if (chain.sealers[hop - 1] === "ours") made.set(chain, await ownSeal(chain.text, domain));
    now = coming.map((chain) => ({ ...chain, text: (made.get(chain) ?? "") + chain.text }));
  }
  return now;
}

test(`${count} generated chains of seals by us, dkimpy and Mail::DKIM: all say the same of them`, {
  skip: (dkimpy === undefined || mailDkim === undefined) && "python3-dkim or libmail-dkim-perl is not installed",
}, async () => {
  const chains = await sealed(Array.from({ length: count }, (_, n) => unsealed(firstSeed + n)));
  const sent = chains.map(({ seed, chance, sealers, text }) => {
    const [what, message] = alteredChain(chance, text, sealers.length);
    return { seed, sealers, what, message };
  });
  const byPython = dkimpy?.("verify chain", sent, records) ?? [];
  const byPerl = mailDkim?.("verify chain", sent, records) ?? [];
  const found = new Map<string, number>();
  for (const [n, mail] of sent.entries()) {
    const { arc } = await checkMessage(Buffer.from(mail.message, "latin1"), { wantsArc: true }, resolver);
    const all = JSON.stringify({ ...mail, ours: arc, dkimpy: byPython[n], mailDkim: byPerl[n] }, undefined, 1);
    assert.equal(arc?.result, stateOf(byPerl[n]), all);
    // RFC 8617 §5.1.1: instances say in which order parts are sealed; dkimpy 1.1 goes by where they stand, too.
    if (!ORDERS.includes(mail.what)) assert.equal(arc?.result, stateOf(byPython[n]), all);
    found.set(arc?.result ?? "", (found.get(arc?.result ?? "") ?? 0) + 1);
  }
  // Else nothing has been compared.
  assert.ok((found.get("pass") ?? 0) > count / 4 && (found.get("fail") ?? 0) > count / 4, JSON.stringify([...found]));
});

const ORDERS = ["parts in another order", "a part at the bottom"];

/** `invalid` is Mail::DKIM's word for a failure whose reason is the key. */
const stateOf = (said = ""): string => (/^\w+/.exec(said)?.[0] ?? "").replace("invalid", "fail");
