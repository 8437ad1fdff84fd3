import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { makeCertificate, makeOcspResponse } from "@postbus/testkit";
import { type ContextSettings, type ProofSource, TlsContexts } from "../../src/index.ts";
import { meet } from "../tls-server.ts";

const directory = mkdtempSync(join(tmpdir(), "postbus-staples-"));
after(() => rmSync(directory, { recursive: true }));
const NOW = Date.now();
const HOUR_MS = 3_600_000;
const authority = makeCertificate("authority", { isAuthority: true });
const ec = makeCertificate("mx.test", { issuer: authority });
const rsa = makeCertificate("mx.test", { issuer: authority, key: "rsa" });
const [ofEc, ofRsa] = [ec, rsa].map((one) => makeOcspResponse(one, { issuer: authority }));
assert.ok(ofEc && ofRsa);
const outdated = makeOcspResponse(ec, { issuer: authority, nextUpdateMs: NOW - HOUR_MS });

const path = (name: string): string => join(directory, name);
function put(name: string, octets: Buffer | string): string {
  writeFileSync(path(`${name}.tmp`), octets);
  renameSync(path(`${name}.tmp`), path(name));
  return path(name);
}
const pem = (octets: Buffer): string =>
  `-----BEGIN OCSP RESPONSE-----\n${octets.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END OCSP RESPONSE-----\n`;

/** What clients that ask are shown, while the files are what they are. */
function server(settings: Partial<ContextSettings>, source?: ProofSource) {
  const faults: string[] = [];
  const contexts = new TlsContexts(
    (problem) => assert.fail(String(problem)),
    ({ fault }) => faults.push(fault),
    source,
  );
  return {
    faults,
    async shows(options: ConnectionOptions = {}) {
      const all = { certificateFiles: [ec.certificateFile], privateKeyFiles: [ec.privateKeyFile], ...settings };
      const met = await meet({ context: await contexts.get(all) }, { requestOCSP: true, ...options });
      assert.notEqual(met.cipher, undefined, "the handshake goes on in any case");
      return [met.staple, met.verification?.ocsp];
    },
  };
}
const STAPLED = [ofEc, "stapled"];
const NONE = [null, "no response"];

describe("a client that asks for a proof", () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    for (const [name, options] of [
      ["names the server", { servername: "mx.test" }],
      ["does not", {}],
    ] as const) {
      test(`is shown the one of the file (${maxVersion}), if it ${name}`, async () => {
        const { shows } = server({ proofFiles: [{ file: put("good.der", ofEc), format: "DER" }] });
        assert.deepEqual(await shows({ maxVersion, ...options }), STAPLED);
      });
    }
  }

  const rows: readonly [name: string, octets: Buffer | string | undefined, format: "DER" | "PEM", fault?: string][] = [
    ["in PEM", pem(ofEc), "PEM"],
    ["in PEM, behind that of another certificate", `of two:\n${pem(ofRsa)}${pem(ofEc)}`, "PEM"],
    ["that has ended", outdated, "DER", "expired"],
    ["without an end", makeOcspResponse(ec, { issuer: authority, nextUpdateMs: undefined }), "DER", "no next update"],
    ["of revocation", makeOcspResponse(ec, { issuer: authority, status: "revoked" }), "DER", "revoked"],
    ["of another certificate", ofRsa, "DER", "other certificate"],
    ["of other certificates in PEM", pem(ofRsa), "PEM", "other certificate"],
    ["that is none", "nonsense", "DER", "unreadable"],
    ["of DER that should be PEM", ofEc, "PEM", "unreadable"],
    ["of PEM that should be DER", pem(ofEc), "DER", "unreadable"],
    ["of nothing", "", "DER", "unreadable"],
    ["that is not there", undefined, "DER", "unreadable"],
  ];
  for (const [name, octets, format, fault] of rows) {
    test(`and a proof ${name}: ${fault ?? "shown"}`, async () => {
      const file = octets === undefined ? path("missing") : put("case", octets);
      const { shows, faults } = server({ proofFiles: [{ file, format }] });
      assert.deepEqual(await shows(), fault === undefined ? STAPLED : NONE);
      await shows();
      assert.deepEqual(faults, fault === undefined ? [] : [fault], "it is told once");
    });
  }

  test("is told nothing where nothing is set, and a client that does not ask is not told", async () => {
    assert.deepEqual(await server({}).shows(), [null, "not requested"]);
    const { shows } = server({ proofFiles: [{ file: put("good.der", ofEc), format: "DER" }] });
    assert.deepEqual(await shows({ requestOCSP: false }), [undefined, "not requested"]);
  });
});

describe("a file that changes between two handshakes", () => {
  test("is read again, and what it says holds from then on", async () => {
    const file = put("swapped", ofEc);
    const { shows, faults } = server({ proofFiles: [{ file, format: "DER" }] });
    assert.deepEqual(await shows(), STAPLED);
    const newer = makeOcspResponse(ec, { issuer: authority, nextUpdateMs: NOW + 2 * HOUR_MS });
    put("swapped", newer);
    assert.deepEqual(await shows(), [newer, "stapled"]);
    put("swapped", outdated);
    assert.deepEqual(await shows(), NONE);
    put("swapped", ofEc);
    assert.deepEqual(await shows(), STAPLED);
    rmSync(file);
    assert.deepEqual(await shows(), STAPLED, "as long as the old one is good");
    assert.deepEqual(faults, ["expired", "unreadable"]);
  });

  test("is not obeyed while it is being written", async () => {
    const file = put("halves", ofEc);
    const { shows, faults } = server({ proofFiles: [{ file, format: "DER" }] });
    assert.deepEqual(await shows(), STAPLED);
    for (const length of [0, 10, ofEc.length - 1]) {
      writeFileSync(file, ofEc.subarray(0, length));
      assert.deepEqual(await shows(), STAPLED);
    }
    assert.deepEqual(faults, ["unreadable", "unreadable", "unreadable"]);
  });
});

describe("certificates of two kinds have proofs of their own", () => {
  const both = (files: ContextSettings["proofFiles"], more: Partial<ContextSettings> = {}) =>
    server({
      ...more,
      certificateFiles: [rsa.certificateFile, ec.certificateFile],
      privateKeyFiles: [rsa.privateKeyFile, ec.privateKeyFile],
      proofFiles: files,
    });
  const proofs = () => [
    { file: put("rsa.der", ofRsa), format: "DER" as const },
    { file: put("ec.der", ofEc), format: "DER" as const },
  ];
  for (const [sigalgs, expected] of [
    ["rsa_pss_rsae_sha256", ofRsa],
    ["ecdsa_secp256r1_sha256", ofEc],
    ["rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", ofRsa],
    ["ecdsa_secp384r1_sha384:ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256", ofEc],
    ["ecdsa_secp384r1_sha384:rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", ofRsa],
  ] as const) {
    test(`the client's algorithms say which (TLS 1.3: ${sigalgs})`, async () => {
      assert.deepEqual(await both(proofs()).shows({ minVersion: "TLSv1.3", sigalgs }), [expected, "stapled"]);
    });
  }

  const [ecSuite, rsaSuite] = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"];
  const suites: readonly [options: ConnectionOptions, expected: Buffer][] = [
    [{ ciphers: ecSuite }, ofEc],
    [{ ciphers: rsaSuite }, ofRsa],
    [{ ciphers: `${ecSuite}:${rsaSuite}` }, ofEc],
    [{ ciphers: `${rsaSuite}:${ecSuite}` }, ofRsa],
    [{ ciphers: `${ecSuite}:${rsaSuite}`, ecdhCurve: "secp384r1" }, ofRsa],
    [{ ciphers: `${ecSuite}:${rsaSuite}`, sigalgs: "RSA+SHA256" }, ofRsa],
    [{ ciphers: `DHE-RSA-AES256-GCM-SHA384:AES256-SHA:${ecSuite}` }, ofRsa],
    [{}, ofRsa],
  ];
  for (const [options, expected] of suites) {
    test(`the client's cipher suites say which (TLS 1.2: ${Object.values(options).join(", ") || "the usual ones"})`, async () => {
      assert.deepEqual(await both(proofs()).shows({ maxVersion: "TLSv1.2", ...options }), [expected, "stapled"]);
    });
  }

  test("with TLS 1.2 and ciphers that the operator has named, there is none if both kinds could be chosen", async () => {
    const named = both(proofs(), { ciphers: `${rsaSuite}:${ecSuite}` });
    assert.deepEqual(await named.shows({ maxVersion: "TLSv1.2", ciphers: `${ecSuite}:${rsaSuite}` }), NONE);
    assert.deepEqual(await named.shows({ maxVersion: "TLSv1.2", ciphers: ecSuite }), STAPLED);
    const ordered = both(proofs(), { options: "+cipher_server_preference" });
    assert.deepEqual(await ordered.shows({ maxVersion: "TLSv1.2", ciphers: `${ecSuite}:${rsaSuite}` }), NONE);
  });

  test("with TLS 1.2 and a cipher suite that nobody here knows, there is none", async () => {
    const ciphers = `ECDHE-ARIA256-GCM-SHA384:${ecSuite}`;
    assert.deepEqual(await both(proofs()).shows({ maxVersion: "TLSv1.2", ciphers }), NONE);
  });

  test("and one of them may have none", async () => {
    const { shows } = both([undefined, ...proofs().slice(1)]);
    assert.deepEqual(await shows({ minVersion: "TLSv1.3", sigalgs: "rsa_pss_rsae_sha256" }), NONE);
    assert.deepEqual(await shows({ minVersion: "TLSv1.3", sigalgs: "ecdsa_secp256r1_sha256" }), STAPLED);
  });
});

describe("a proof from elsewhere (fetchesProofs)", () => {
  const times = { thisUpdateMs: NOW - HOUR_MS, nextUpdateMs: NOW + HOUR_MS };
  const proof = { der: ofEc, ...times, signerExpiresAtMs: undefined };

  test("is the one that is there at the moment, for certificates without a file", async () => {
    let present: typeof proof | undefined;
    const { shows, faults } = server({ fetchesProofs: true }, () => present);
    assert.deepEqual(await shows(), NONE);
    present = proof;
    assert.deepEqual(await shows(), STAPLED);
    present = { ...proof, nextUpdateMs: NOW - HOUR_MS };
    assert.deepEqual(await shows(), NONE);
    await shows();
    assert.deepEqual(faults, ["expired"], "it is told once");
  });

  test("is not asked for where the settings do not want it, or a file is named", async () => {
    const fails: ProofSource = () => assert.fail("asked");
    assert.deepEqual(await server({}, fails).shows(), [null, "not requested"]);
    const proofFiles = [{ file: put("good.der", ofEc), format: "DER" as const }];
    assert.deepEqual(await server({ fetchesProofs: true, proofFiles }, fails).shows(), STAPLED);
  });
});

test("a certificate that must be shown with a proof is told of, if there is nowhere one could come from", async () => {
  const must = makeCertificate("mx.test", { issuer: authority, mustStaple: true });
  const files = { certificateFiles: [must.certificateFile], privateKeyFiles: [must.privateKeyFile] };
  const bare = server(files);
  await bare.shows();
  await bare.shows();
  assert.deepEqual(bare.faults, ["none"]);
  const fetching = server({ ...files, fetchesProofs: true }, () => undefined);
  await fetching.shows();
  assert.deepEqual(fetching.faults, []);
});

test("hundreds of handshakes leave no file open", async () => {
  const { shows } = server({ proofFiles: [{ file: put("many.der", ofEc), format: "DER" }] });
  const open = (): number => readdirSync("/proc/self/fd").length;
  await shows();
  const before = open();
  for (let i = 0; i < 300; i++) {
    if (i % 50 === 0) put("many.der", ofEc);
    assert.deepEqual(await shows(), STAPLED);
  }
  assert.ok(open() <= before + 5, `${open()} files are open, before ${before}`);
});
