import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { makeCertificate, makeOcspResponse } from "@postbus/testkit";
import { checkOcspProof, type fetchProof, ownCertificate, type ProofSource } from "@postbus/tls";
import { Registry } from "prom-client";
import { ProofRenewal } from "../../src/tls/proof-renewal.ts";
import { startTestGateway } from "../start-test-gateway.ts";
import { MemoryValues } from "./memory-values.ts";

const START_MS = Date.now();
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const authority = makeCertificate("authority", { isAuthority: true });
const made = makeCertificate("mx.test", { issuer: authority, responder: "http://ocsp.test/" });
const mx = ownCertificate("mx.pem", Buffer.from(made.certificate + authority.certificate));

/** What a responder says at a moment. */
type Answer = "good" | "revoked" | "nothing";

/** Gateways with one store, one clock, and a responder whose proofs hold for ten hours. */
function fleet(size: number) {
  const values = new MemoryValues();
  const clock = { nowMs: START_MS };
  const world = { answer: "good" as Answer, asked: 0 };
  const warnings: string[] = [];
  const fetch: typeof fetchProof = async ({ certificate, issuer, url }) => {
    world.asked += 1;
    assert.equal(url, "http://ocsp.test/");
    if (world.answer === "nothing") throw new DeferError("ocsp", "no answer");
    const times = { thisUpdateMs: clock.nowMs, nextUpdateMs: clock.nowMs + 10 * HOUR_MS };
    const response = makeOcspResponse(made, { issuer: authority, status: world.answer, ...times });
    return checkOcspProof(response, { certificate, issuer }, clock.nowMs);
  };
  const start = (): ProofRenewal =>
    new ProofRenewal({
      values,
      fetch,
      metrics: new Registry(),
      log: { info: () => undefined, warn: (_facts: unknown, text?: string) => void warnings.push(text ?? "") },
      now: () => clock.nowMs,
      random: () => 0.5,
    });
  const gateways = Array.from({ length: size }, start);
  const tick = async (afterMs = 0): Promise<void> => {
    clock.nowMs += afterMs;
    for (const one of gateways) {
      one.proofOf(mx);
      one.tick();
    }
    await Promise.all(gateways.map((one) => one.settled()));
  };
  return {
    ...{ values, clock, world, warnings, gateways, start, tick },
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((one) => one.stop()));
    },
  };
}

describe("tls_ocsp_fetch", () => {
  test("one gateway asks the responder, all have the proof", async () => {
    await using all = fleet(4);
    await all.tick();
    await all.tick();
    assert.equal(all.world.asked, 1);
    assert.deepEqual(new Set(all.gateways.map((one) => one.proofOf(mx)?.nextUpdateMs)).size, 1);
    assert.notEqual(all.gateways[3]?.proofOf(mx), undefined);
  });

  test("asks again at half of the proof's life", async () => {
    await using all = fleet(2);
    await all.tick();
    await all.tick(5 * HOUR_MS - MINUTE_MS);
    assert.equal(all.world.asked, 1);
    await all.tick(2 * MINUTE_MS);
    await all.tick();
    assert.equal(all.world.asked, 2);
    const ends = all.gateways.map((one) => Math.round(((one.proofOf(mx)?.nextUpdateMs ?? 0) - START_MS) / HOUR_MS));
    assert.deepEqual(ends, [15, 15]);
  });

  test("a gateway that starts has what was there before, without asking", async () => {
    await using all = fleet(1);
    await all.tick();
    const restarted = all.start();
    assert.equal(restarted.proofOf(mx), undefined);
    await restarted.settled();
    assert.equal(restarted.proofOf(mx)?.nextUpdateMs, all.gateways[0]?.proofOf(mx)?.nextUpdateMs);
    assert.equal(all.world.asked, 1);
    await restarted.stop();
  });

  test("keeps the old proof while the responder does not answer, and asks less and less often", async () => {
    await using all = fleet(1);
    await all.tick();
    all.world.answer = "nothing";
    const before = all.world.asked;
    // Four hours in steps of half a minute: after 1, 2, 4, 8, 16, 32, 60, 60, 60 minutes.
    for (let i = 0; i < 480; i++) await all.tick(i === 0 ? 5 * HOUR_MS + MINUTE_MS : MINUTE_MS / 2);
    assert.equal(all.world.asked - before, 9);
    assert.equal(all.warnings.length, 9);
    assert.notEqual(all.gateways[0]?.proofOf(mx), undefined);
    all.world.answer = "good";
    await all.tick(HOUR_MS);
    await all.tick();
    assert.equal(Math.round(((all.gateways[0]?.proofOf(mx)?.nextUpdateMs ?? 0) - START_MS) / HOUR_MS), 20);
  });

  test("another gateway asks if the one that was about to is gone", async () => {
    await using all = fleet(1);
    const lost = all.start();
    all.world.answer = "nothing";
    lost.proofOf(mx);
    await lost.stop();
    all.world.answer = "good";
    await all.tick();
    assert.equal(all.world.asked, 1);
    await all.tick(2 * MINUTE_MS);
    assert.equal(all.world.asked, 2);
    assert.notEqual(all.gateways[0]?.proofOf(mx), undefined);
  });

  test("shows no proof of what is revoked", async () => {
    await using all = fleet(2);
    await all.tick();
    all.world.answer = "revoked";
    await all.tick(6 * HOUR_MS);
    await all.tick();
    assert.deepEqual(
      all.gateways.map((one) => one.proofOf(mx)),
      [undefined, undefined],
    );
  });

  test("asks nobody about a certificate that names nobody, or whose issuer is not known, and says so once", async () => {
    await using all = fleet(1);
    const [renewal] = all.gateways;
    const plain = makeCertificate("plain.test", { issuer: authority });
    const silent = ownCertificate("plain.pem", Buffer.from(plain.certificate + authority.certificate));
    const orphan = ownCertificate("orphan.pem", Buffer.from(made.certificate));
    for (let i = 0; i < 3; i++) {
      assert.equal(renewal?.proofOf(silent), undefined);
      assert.equal(renewal?.proofOf(orphan), undefined);
      renewal?.tick();
      await renewal?.settled();
    }
    assert.equal(all.world.asked, 0);
    assert.equal(all.warnings.length, 2);
  });
});

test("a client is shown the proof that was fetched", async (t) => {
  const server = createServer((_request, response) => response.end(proof)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  const responder = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
  const own = makeCertificate("mx.test", { issuer: authority, responder });
  const proof = makeOcspResponse(own, { issuer: authority });
  writeFileSync(own.certificateFile, own.certificate + authority.certificate);
  const main = `tls_certificate = ${own.certificateFile}\ntls_privatekey = ${own.privateKeyFile}\ntls_ocsp_fetch`;
  const acls = { rcpt: "accept message = status $tls_in_ocsp" };
  const log = { info: () => undefined, warn: assert.fail };
  const renewal = new ProofRenewal({ values: new MemoryValues(), log, metrics: new Registry() });
  const proofSource: ProofSource = (certificate) => renewal.proofOf(certificate);
  await using gateway = await startTestGateway({ policy: { main, acls }, shared: { proofSource } });
  await renewal.settled();
  await using client = await gateway.session();
  await client.startTls({ requestOCSP: true });
  await client.say("EHLO client.example\r\n", 250);
  const rcpt = await client.say("MAIL FROM:<s@a.test>\r\nRCPT TO:<ann@example.org>\r\n", 250, 250);
  assert.match(rcpt, /status 4/);
  const { values = [] } =
    (await gateway.metrics.getSingleMetric("postbus_gateway_ocsp_proof_expiry_seconds")?.get()) ?? {};
  assert.ok((values[0]?.value ?? 0) > Date.now() / 1000);
  await renewal.stop();
});
