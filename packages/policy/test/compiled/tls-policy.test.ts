import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TlsPolicy, TlsSettings } from "../../src/policy.ts";
import { policyOf } from "../policy-of.ts";

function tlsOf(text: string): TlsPolicy {
  const { tls } = policyOf(text);
  assert.ok(tls);
  return tls;
}

/** The settings for a client, which has asked for a server's name. */
async function settingsFor(text: string, serverName?: string, address = "192.0.2.1"): Promise<TlsSettings> {
  const policy = policyOf(text);
  const { session } = policy.startSession({ address, port: 4000 }, {});
  session.connection.serverName = serverName;
  assert.ok(policy.tls);
  return policy.tls.settings(session);
}

/** Exim's manual, "Encrypted SMTP connections using TLS" and "Main configuration", under each option. */
describe("TLS of the main section", () => {
  test("is none without a certificate", () => {
    assert.equal(policyOf("").tls, undefined);
    assert.equal(policyOf("tls_certificate =").tls, undefined);
  });

  test("is the same for all where nothing is expanded", () => {
    const { usual, changesWithServerName } = tlsOf("tls_certificate = /a.pem");
    assert.equal(changesWithServerName, false);
    assert.deepEqual(usual, {
      certificateFiles: ["/a.pem"],
      privateKeyFiles: [],
      proofFiles: [],
      fetchesProofs: false,
      ciphers: undefined,
      curves: undefined,
      options: undefined,
      resumes: false,
      authorities: undefined,
      revocations: undefined,
      clientCertificate: undefined,
      protocols: ["smtp", "esmtp"],
      requiresProtocol: false,
    });
  });

  const rows: readonly [options: string, settings: Partial<TlsSettings>][] = [
    ["tls_privatekey = /k.pem", { privateKeyFiles: ["/k.pem"] }],
    ["tls_privatekey = <; /k.pem ; /l.pem", { privateKeyFiles: ["/k.pem", "/l.pem"] }],
    ["tls_ocsp_file = /a.der", { proofFiles: [{ file: "/a.der", format: "DER" }] }],
    [
      "tls_ocsp_file = PEM /a.pem : /b.pem : DER /c.der",
      {
        proofFiles: [
          { file: "/a.pem", format: "PEM" },
          { file: "/b.pem", format: "PEM" },
          { file: "/c.der", format: "DER" },
        ],
      },
    ],
    ["tls_ocsp_file = <; ; /b.der", { proofFiles: [undefined, { file: "/b.der", format: "DER" }] }],
    ["tls_ocsp_file =", { proofFiles: [] }],
    ["tls_require_ciphers = ECDHE_ECDSA_AES256_GCM_SHA384:!MD5", { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:!MD5" }],
    ["tls_eccurve = X25519 : P-256", { curves: "X25519:P-256" }],
    ["tls_eccurve = auto", { curves: undefined }],
    ["openssl_options = +no_tlsv1_3", { options: "+no_tlsv1_3" }],
    ["tls_ocsp_fetch", { fetchesProofs: true }],
    ["tls_resumption_hosts = *", { resumes: true }],
    ["tls_alpn = smtp", { protocols: ["smtp"] }],
    ["tls_alpn =", { protocols: [] }],
    // Nobody is asked for a certificate, so nothing is read for it.
    ["tls_verify_certificates = /ca.pem\ntls_crl = /crl.pem", { authorities: undefined, revocations: undefined }],
  ];
  for (const [options, settings] of rows) {
    test(options.replace("\n", ", "), () => {
      const { usual } = tlsOf(`tls_certificate = /a.pem : /b.pem\n${options}`);
      assert.partialDeepStrictEqual(usual, { certificateFiles: ["/a.pem", "/b.pem"], ...settings });
    });
  }

  test("asks for a certificate whom the lists name", async () => {
    const text = `tls_certificate = /a.pem
      tls_verify_hosts = 192.0.2.1
      tls_try_verify_hosts = 192.0.2.0/24
      tls_verify_certificates = /ca.pem`;
    assert.equal(tlsOf(text).usual, undefined);
    const wanted = async (address: string) => {
      const { clientCertificate, authorities } = await settingsFor(text, undefined, address);
      return [clientCertificate, authorities];
    };
    assert.deepEqual(await wanted("192.0.2.1"), ["required", "/ca.pem"]);
    assert.deepEqual(await wanted("192.0.2.2"), ["optional", "/ca.pem"]);
    assert.deepEqual(await wanted("198.51.100.1"), [undefined, undefined]);
  });

  test("lets sessions be resumed by whom the list names, unless they are asked for a certificate", async () => {
    const text = `tls_certificate = /a.pem
      tls_resumption_hosts = !192.0.2.1 : 192.0.2.0/24
      tls_verify_hosts = 192.0.2.2`;
    const resumes = async (address: string) => (await settingsFor(text, undefined, address)).resumes;
    assert.equal(await resumes("192.0.2.1"), false);
    assert.equal(await resumes("192.0.2.2"), false);
    assert.equal(await resumes("192.0.2.3"), true);
    const undecided = "tls_certificate = /a.pem\ntls_resumption_hosts = net-lsearch;/nonexistent/file";
    assert.equal((await settingsFor(undecided)).resumes, false);
  });

  test("trusts the system's authorities unless others are named", async () => {
    const { authorities } = await settingsFor("tls_certificate = /a.pem\ntls_try_verify_hosts = *");
    assert.equal(authorities, "system");
  });

  test("is not to be had where a list cannot be decided", async () => {
    const text = "tls_certificate = /a.pem\ntls_verify_hosts = net-lsearch;/nonexistent/file";
    await assert.rejects(settingsFor(text), { name: "ExpansionDefer" });
  });
});

describe("TLS by the name that a client asks for", () => {
  const byName = "tls_certificate = /certs/${if eq{$tls_in_sni}{}{default}{$tls_in_sni}}.pem";

  test("is expanded for each client, and again with the name", async () => {
    assert.equal(tlsOf(byName).changesWithServerName, true);
    assert.equal(tlsOf("tls_certificate = /${tls_sni}.pem").changesWithServerName, true);
    assert.equal(tlsOf("tls_certificate = /a.pem\ntls_privatekey = /$tls_in_sni").changesWithServerName, false);
    assert.deepEqual((await settingsFor(byName)).certificateFiles, ["/certs/default.pem"]);
    assert.deepEqual((await settingsFor(byName, "mx.test")).certificateFiles, ["/certs/mx.test.pem"]);
  });

  test("an option that is forced to fail is not set", async () => {
    const { privateKeyFiles } = await settingsFor(`${byName}\ntls_privatekey = \${if eq{1}{2}{x}fail}`);
    assert.deepEqual(privateKeyFiles, []);
  });

  test("an option that cannot be expanded, or a certificate that is none, is an error that names it", async () => {
    await assert.rejects(settingsFor("tls_certificate = ${nosuch}"), /^Error: expansion of tls_certificate failed: /);
    await assert.rejects(settingsFor("tls_certificate = ${if eq{1}{2}{x}}"), /tls_certificate names no file/);
  });
});
