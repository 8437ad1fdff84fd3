import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { eximAsClient, eximCommand, freePort, makeCertificate, makeOcspResponse, program } from "@postbus/testkit";
import { startTestGateway, type TestGateway } from "../start-test-gateway.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "postbus-gateway-ocsp-"));
after(() => rmSync(directory, { recursive: true }));
const NOW = Date.now();
const HOUR_MS = 3_600_000;

const authority = makeCertificate("authority", { isAuthority: true });
const [mx, other] = ["mx.test", "other.test"].map((name) => makeCertificate(name, { issuer: authority }));
assert.ok(mx && other);
const good = makeOcspResponse(mx, { issuer: authority, nextUpdateMs: NOW + 2 * HOUR_MS });
const put = (name: string, octets: string | Buffer): string => {
  writeFileSync(join(directory, name), octets);
  return join(directory, name);
};
for (const one of [mx, other]) {
  // As it comes from an authority: with its issuer.
  put(`${one.name}.pem`, one.certificate + authority.certificate);
  put(`${one.name}.key`, one.privateKey);
  put(`${one.name}.der`, makeOcspResponse(one, { issuer: authority }));
}
const CERTIFICATE = `tls_certificate = ${directory}/mx.test.pem\ntls_privatekey = ${directory}/mx.test.key\n`;
const BY_NAME = ["certificate = X.pem", "privatekey = X.key", "ocsp_file = X.der"]
  .map((line) => `tls_${line.replace("X", `${directory}/\${if eq{$tls_in_sni}{}{mx.test}{$tls_in_sni}}`)}`)
  .join("\n");

/** Test 5600 of Exim's: what the number says. */
const RCPT =
  "accept message = status ${listextract {${eval:$tls_in_ocsp+1}} {notreq:notresp:vfynotdone:failed:verified}}";
const EHLO = "EHLO client.example\r\n";
const ENVELOPE = "MAIL FROM:<s@a.test>\r\nRCPT TO:<ann@example.org>\r\n";

async function metric({ metrics }: TestGateway, name: string): Promise<readonly unknown[]> {
  const { values = [] } = (await metrics.getSingleMetric(`postbus_gateway_${name}`)?.get()) ?? {};
  return values.map(({ labels, value }) => ({ ...labels, value }));
}

describe("$tls_in_ocsp", () => {
  const outdated = makeOcspResponse(mx, { issuer: authority, nextUpdateMs: NOW - HOUR_MS });
  const rows: readonly [name: string, file: string | undefined, requestOCSP: boolean, status: string][] = [
    ["a good proof", put("good.der", good), true, "verified"],
    ["a good proof, and a client that does not ask", put("good.der", good), false, "notreq"],
    ["an outdated one", put("outdated.der", outdated), true, "notresp"],
    ["no file", join(directory, "none.der"), true, "notresp"],
    ["an option that is empty", "", true, "notreq"],
    ["no option", undefined, true, "notreq"],
  ];
  for (const [name, file, requestOCSP, status] of rows) {
    for (const at of ["STARTTLS", "TLS before the greeting"]) {
      test(`${name}, with ${at}: ${status}`, async () => {
        const isFirst = at !== "STARTTLS";
        const option = file === undefined ? "" : `tls_ocsp_file = ${file}\n`;
        const main = `${CERTIFICATE}${option}${isFirst ? "tls_on_connect_ports = 0" : ""}`;
        await using gateway = await startTestGateway({ policy: { main, acls: { rcpt: RCPT } } });
        await using client = await (isFirst ? gateway.connect() : gateway.session());
        if (isFirst) {
          await client.secure({ requestOCSP });
          await client.expect(220);
        } else await client.startTls({ requestOCSP });
        await client.say(EHLO, 250);
        assert.match(await client.say(ENVELOPE, 250, 250), new RegExp(`status ${status}`));
      });
    }
  }
});

describe("metrics of certificates and proofs", () => {
  const of = (name: string) => `${directory}/${name}.pem`;
  const ends = new X509Certificate(mx.certificate).validToDate.getTime() / 1000;

  test("say when they end", async () => {
    const main = `${CERTIFICATE}tls_ocsp_file = ${put("good.der", good)}`;
    await using gateway = await startTestGateway({ policy: { main } });
    assert.deepEqual(await metric(gateway, "certificate_expiry_seconds"), [
      { certificate: of("mx.test"), value: ends },
    ]);
    const next = Math.floor((NOW + 2 * HOUR_MS) / 1000);
    assert.deepEqual(await metric(gateway, "ocsp_proof_expiry_seconds"), [{ certificate: of("mx.test"), value: next }]);
    assert.deepEqual(await metric(gateway, "ocsp_proof_unused"), []);
  });

  test("say that there is no proof, and why", async () => {
    const revoked = makeOcspResponse(mx, { issuer: authority, status: "revoked" });
    const main = `${CERTIFICATE}tls_ocsp_file = ${put("revoked.der", revoked)}`;
    await using gateway = await startTestGateway({ policy: { main } });
    assert.deepEqual(await metric(gateway, "ocsp_proof_expiry_seconds"), [{ certificate: of("mx.test"), value: 0 }]);
    assert.deepEqual(await metric(gateway, "ocsp_proof_unused"), [
      { certificate: of("mx.test"), reason: "revoked", value: 1 },
    ]);
    await gateway.reload({ main: CERTIFICATE });
    assert.deepEqual(await metric(gateway, "ocsp_proof_expiry_seconds"), [], "where none is set, none is missed");
  });
});

const openssl = program("openssl");
const skip = openssl === undefined ? "SKIPPED: openssl is not on this machine" : undefined;

describe("openssl s_client -status", { skip }, () => {
  /** What it prints between handshake and end. */
  async function sClient({ port }: TestGateway, options: string): Promise<string> {
    const command = `echo QUIT | "${openssl}" s_client -connect 127.0.0.1:${port} -starttls smtp -status -verify_quiet ${options} 2>&1`;
    return (await run("sh", ["-c", command])).stdout;
  }
  const trusted = `-CAfile ${authority.certificateFile} -verify_return_error`;

  for (const version of ["-tls1_2", "-tls1_3"]) {
    test(`takes the proof (${version}) of the certificate that it asks for by name`, async () => {
      await using gateway = await startTestGateway({ policy: { main: BY_NAME } });
      for (const [options, subject] of [
        ["-noservername", "mx.test"],
        ["-servername mx.test", "mx.test"],
        ["-servername other.test", "other.test"],
      ] as const) {
        const output = await sClient(gateway, `${version} ${options} ${trusted}`);
        assert.match(output, /OCSP Response Status: successful \(0x0\)/, options);
        assert.match(output, /Cert Status: good/);
        const one = subject === "mx.test" ? mx : other;
        assert.match(output, new RegExp(`Serial Number: ${new X509Certificate(one.certificate).serialNumber}`));
        assert.match(output, new RegExp(`subject=.*${subject}`));
        assert.match(output, /Verify return code: 0/);
      }
    });
  }

  test("gets the new proof when the file was replaced and looked at again, and none when that is damaged", async () => {
    const main = `${CERTIFICATE}tls_ocsp_file = ${put("swapped.der", good)}`;
    await using gateway = await startTestGateway({ policy: { main } });
    const nextUpdate = async () => /Next Update: (.*)/.exec(await sClient(gateway, trusted))?.[1] ?? "";
    const at = (hours: number): Buffer =>
      makeOcspResponse(mx, { issuer: authority, nextUpdateMs: Date.UTC(2048, 0, 1, hours) });
    // Files are looked at some times in a second.
    const shown = async (isIt: (update: string) => boolean): Promise<string> => {
      for (const end = performance.now() + 20_000; ; await delay(50)) {
        const update = await nextUpdate();
        if (isIt(update) || performance.now() > end) return update;
      }
    };
    const isNew = (hours: number) => (update: string) => update === `Jan  1 0${hours}:00:00 2048 GMT`;
    assert.notEqual(await nextUpdate(), "");
    put("swapped.der", at(1));
    assert.equal(await shown(isNew(1)), "Jan  1 01:00:00 2048 GMT");
    put("swapped.der", at(2));
    assert.equal(await shown(isNew(2)), "Jan  1 02:00:00 2048 GMT");
    put("swapped.der", makeOcspResponse(other, { issuer: authority }));
    assert.equal(await shown((update) => update === ""), "");
    assert.match(await sClient(gateway, trusted), /OCSP response: no response sent[\s\S]*Verify return code: 0/);
  });
});

describe("Exim, which wants a proof (hosts_require_ocsp)", () => {
  const missing = program("exim-4.100") === undefined ? "SKIPPED: exim-4.100 is not on this machine" : undefined;
  const delegate = makeCertificate("responder", { issuer: authority, isOcspSigner: true });
  const rows: readonly [name: string, file: string, isSent: boolean][] = [
    ["signed by the issuer", put("issuer.der", makeOcspResponse(mx, { issuer: authority })), true],
    ["signed by a delegate", put("delegate.der", makeOcspResponse(mx, { issuer: authority, signer: delegate })), true],
    ["outdated", put("outdated.der", makeOcspResponse(mx, { issuer: authority, nextUpdateMs: NOW - HOUR_MS })), false],
  ];
  for (const [name, file, isSent] of rows) {
    test(`${isSent ? "sends" : "does not send"} when the proof is ${name}`, { skip: missing }, async (t) => {
      const main = `${CERTIFICATE}tls_ocsp_file = ${file}`;
      await using gateway = await startTestGateway({ policy: { main, acls: { rcpt: "accept" } } });
      const work = mkdtempSync(join(tmpdir(), "postbus-exim-ocsp-"));
      t.after(() => rmSync(work, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
      const options = ["hosts_require_tls = *", "hosts_require_ocsp = *", `tls_verify_certificates = ${work}/ca.pem`];
      const config = eximAsClient(
        gateway.port,
        [...options, "tls_sni = mx.test", "tls_verify_cert_hostnames ="].join("\n  "),
      );
      const [command = "", ...args] = eximCommand("exim-4.100", config, { port: await freePort(), directory: work });
      writeFileSync(join(work, "ca.pem"), authority.certificate);
      const child = run(command, [...args, "-odi", "-f", "a@exim.test", "ann@example.org"]);
      child.child.stdin?.end("Subject: by Exim\n\nbody\n");
      await child;
      if (isSent) assert.match((await gateway.taken()).content, /Subject: by Exim/);
      else {
        const { values = [] } = (await gateway.metrics.getSingleMetric("postbus_gateway_messages_total")?.get()) ?? {};
        assert.deepEqual(values, []);
      }
    });
  }
});
