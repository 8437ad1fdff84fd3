import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MESSAGE_QUERIES, SPF_QUERIES } from "@postbus/contracts";
import { createResolver, parseServers } from "@postbus/dns";
import { type DnsServer, type DnsZone, startDnsServer } from "@postbus/testkit";
import { checkMessage, checkSpf } from "../src/index.ts";
import { keyRecords, type Signer, signedBy } from "./dkim/signed-by.ts";
import { resolverFor } from "./dns-lab.ts";

const MESSAGE = Buffer.from("From: joe@author.example\r\nTo: ann@example.net\r\nSubject: hi\r\n\r\nHello.\r\n");
const QUESTION = { clientAddress: "192.0.2.1", helo: "helo.example", returnPath: "joe@greedy.example" };

/** Ten signers far down, for each of whom DMARC has a tree to walk; an SPF record that leads to as much as one may. */
function greedy(): { readonly zone: DnsZone; readonly signers: readonly Signer[] } {
  const zone: Record<string, DnsZone[string]> = {
    "greedy.example": { TXT: [`v=spf1 ${Array.from({ length: 10 }, (_, m) => `mx:m${m}.example`).join(" ")} -all`] },
    "_dmarc.author.example": { TXT: ["v=DMARC1; p=reject"] },
  };
  for (let m = 0; m < 10; m++) {
    zone[`m${m}.example`] = { MX: Array.from({ length: 10 }, (_, h) => `${h} h${h}.m${m}.example`) };
    for (let h = 0; h < 10; h++) zone[`h${h}.m${m}.example`] = { A: ["198.51.100.1"] };
  }
  const signers = Array.from({ length: 10 }, (_, i) => ({
    domain: `a.b.c.d.e.f.g${i}.signer${i}.example`,
    selector: "rsa",
  }));
  for (const { domain } of signers) zone[`rsa._domainkey.${domain}`] = { TXT: [keyRecords.rsa] };
  return { zone, signers };
}

async function lab(zone: DnsZone): Promise<{ server: DnsServer; resolver: ReturnType<typeof createResolver> }> {
  const server = await startDnsServer(zone);
  after(() => server.stop());
  return { server, resolver: createResolver({ servers: parseServers(server.address) }) };
}

test("all checks of a message have one budget: what is asked beyond it is temperror", async () => {
  const { zone, signers } = greedy();
  const { server, resolver } = await lab(zone);
  const { queries, ...spf } = await checkSpf(QUESTION, resolver);
  assert.deepEqual([spf.result, queries], ["fail", server.queries.length]);
  const message = await signedBy(MESSAGE, ...signers);
  const found = await checkMessage(message, { spf, spentQueries: queries }, resolver);
  assert.deepEqual(new Set(found.dkim.map(({ result }) => result)), new Set(["pass"]), "keys come first");
  assert.equal(queries + found.queries, server.queries.length);
  assert.ok(server.queries.length <= MESSAGE_QUERIES, `${server.queries.length} queries`);
});

test("a message with many signatures stops at the budget", async () => {
  const { zone, signers } = greedy();
  const { server, resolver } = await lab(zone);
  const message = await signedBy(MESSAGE, ...signers);
  const { dkim, dmarc, queries } = await checkMessage(message, { spentQueries: MESSAGE_QUERIES - 4 }, resolver);
  assert.deepEqual(dkim.map(({ result }) => result).toSorted(), [
    ...["pass", "pass", "pass", "pass"],
    ...["temperror", "temperror", "temperror", "temperror", "temperror", "temperror"],
  ]);
  assert.equal(dmarc.result, "temperror");
  assert.deepEqual([queries, server.queries.length], [4, 4]);
});

test("so does SPF, which leaves the others their share in any case", async () => {
  const { server, resolver } = await lab(greedy().zone);
  const found = await checkSpf(QUESTION, resolver, { spentQueries: MESSAGE_QUERIES - 20 });
  assert.deepEqual([found.result, found.queries, server.queries.length], ["temperror", 20, 20]);
  assert.ok((await checkSpf(QUESTION, resolver)).queries <= SPF_QUERIES);
});

test("what the DNS does not say in time is temperror, and the rest is known", async () => {
  const patient = await resolverFor(
    {
      "rsa._domainkey.author.example": { TXT: [keyRecords.rsa] },
      "silent._domainkey.author.example": "drop",
      "_dmarc.author.example": "drop",
    },
    5_000,
  );
  const message = await signedBy(
    MESSAGE,
    ...["silent", "rsa"].map((selector) => ({ domain: "author.example", selector })),
  );
  const { dkim, dmarc } = await checkMessage(message, { timeoutMs: 2_000 }, patient);
  assert.deepEqual(
    dkim.map(({ result }) => result),
    ["temperror", "pass"],
  );
  assert.deepEqual([dmarc.result, dmarc.domain], ["temperror", "author.example"]);
});
