import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { promisify } from "node:util";
import { eximAsClient, eximCommand, freePort, makeCertificate, program, startSmtpPeer } from "@postbus/testkit";
import { TlsSessions } from "../../src/smtp/tls-sessions.ts";
import { policyTransport } from "./policy-transport.ts";
import { Rig } from "./rig.ts";

const run = promisify(execFile);
const EXIM = "exim-4.98";
const authority = makeCertificate("authority.test", { isAuthority: true });

function serverContext(options: SecureContextOptions = {}) {
  const { certificate, privateKey } = makeCertificate("mx.test", { issuer: authority });
  return createSecureContext({ cert: certificate, key: privateKey, ...options });
}

const RESUMES = "tls_resumption_hosts = *\nconnection_max_messages = 1";
const item = { hosts: ["mx.test"], hostAddresses: ["127.0.0.1"] };

/** What two deliveries, each over a connection of its own, say of TLS. */
async function twoDeliveries(options: string, server = serverContext()) {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({ tls: server });
  const transport = await policyTransport(peer.port, options);
  const all = [];
  for (let i = 0; i < 2; i++) {
    const { results, notes } = await rig.deliver(transport, { item });
    assert.equal(results[0]?.outcome, "delivered");
    all.push({ ...results[0], notes });
  }
  assert.equal(peer.connectionCount, 2);
  return all;
}

describe("tls_resumption_hosts", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`a session goes on with the next connection, and what its certificate was worth holds (${version})`, async () => {
      const options = `${RESUMES}\ntls_verify_certificates = ${authority.certificateFile}\ntls_verify_hosts = *`;
      const [first, second] = await twoDeliveries(options, serverContext({ maxVersion: version }));
      const want = { certificateVerified: true, peerName: "/CN=mx.test", notes: [] };
      assert.partialDeepStrictEqual(first, { ...want, tlsResumption: 11 });
      assert.partialDeepStrictEqual(second, want);
      // With TLS 1.2, a server need not give another ticket.
      assert.equal((second?.tlsResumption ?? 0) & ~8, 23);
    });
  }

  test("a certificate that nobody vouches for is not better the second time", async () => {
    const options = `${RESUMES}\ntls_verify_certificates =\ntls_try_verify_hosts = *`;
    const [first, second] = await twoDeliveries(options);
    assert.partialDeepStrictEqual(first, { certificateVerified: false, tlsResumption: 11 });
    assert.partialDeepStrictEqual(second, { certificateVerified: false });
    assert.equal((second?.tlsResumption ?? 0) & ~8, 23);
  });

  test("hosts that are not in it get a new handshake each time", async () => {
    for (const list of ["", "!127.0.0.1 : *"]) {
      const all = await twoDeliveries(`tls_resumption_hosts = ${list}\nconnection_max_messages = 1`);
      assert.deepEqual(
        all.map(({ tlsResumption }) => tlsResumption),
        [1, 1],
      );
    }
  });

  test("a server that has lost its keys is no trouble", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({
      get tls() {
        return serverContext();
      },
    });
    const transport = await policyTransport(peer.port, RESUMES);
    const seen = [];
    for (let i = 0; i < 2; i++) seen.push((await rig.deliver(transport, { item })).results[0]?.tlsResumption);
    assert.deepEqual(
      seen.map((bits) => (bits ?? 0) & ~8),
      [3, 7],
    );
  });

  test("the log's mark is where Exim has it", {
    skip: program(EXIM) === undefined ? `${EXIM} is not on this machine` : false,
  }, async () => {
    await using peer = await startSmtpPeer({ tls: serverContext() });
    const directory = mkdtempSync(join(tmpdir(), "postbus-exim-"));
    try {
      // The transport is not root, and its hints are.
      const hints = join(directory, "spool/db");
      mkdirSync(hints, { recursive: true });
      chmodSync(hints, 0o777);
      const config = `log_selector = +tls_resumption\n${eximAsClient(peer.port, "tls_resumption_hosts = *", "")}`;
      for (let i = 0; i < 2; i++) {
        const [command = "", ...args] = eximCommand(EXIM, config, { port: await freePort(), directory });
        const running = run(command, [...args, "-odi", "-f", "s@a.test", "r@b.test"]);
        running.child.stdin?.end("Subject: x\n\nx\n");
        await running;
      }
      const lines = readFileSync(join(directory, "log/mainlog"), "latin1").match(/=> .*/g) ?? [];
      assert.equal(lines.length, 2);
      assert.match(lines[0] ?? "", / X=TLS1\.3:\S+:256 CV=no /);
      assert.match(lines[1] ?? "", / X=TLS1\.3:\S+:256\* CV=no /);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("sessions that are kept", () => {
  const session = { context: undefined, octets: Buffer.from("x"), isVerified: true, peerName: undefined };

  test("are at most 1,000, for two hours, and of one context", () => {
    let nowMs = 0;
    const sessions = new TlsSessions(() => nowMs);
    for (let i = 0; i < 1_100; i++) sessions.place(`h${i}`).keep(session);
    assert.equal(sessions.count, 1_000);
    assert.equal(sessions.place("h99").find(undefined), undefined);
    const last = sessions.place("h1099");
    assert.equal(last.find(undefined)?.isVerified, true);
    nowMs = 7_200_000;
    assert.equal(last.find(undefined), undefined);
    last.keep(session);
    assert.equal(last.find(createSecureContext()), undefined);
    assert.equal(sessions.count, 999);
  });
});
