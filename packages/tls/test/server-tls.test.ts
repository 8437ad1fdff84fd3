import assert from "node:assert/strict";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { type ContextSettings, TlsContexts } from "../src/index.ts";
import { meet } from "./tls-server.ts";

const ec = makeCertificate("mx.test");
const rsa = makeCertificate("mx.test", { key: "rsa" });
const authority = makeCertificate("authority", { isAuthority: true });
const member = makeCertificate("client.test", { issuer: authority });
const stranger = makeCertificate("client.test");

const never = (problem: unknown): never => assert.fail(String(problem));
const contexts = new TlsContexts(never, never);
const context = (more: Partial<ContextSettings> = {}) =>
  contexts.get({ certificateFiles: [ec.certificateFile], privateKeyFiles: [ec.privateKeyFile], ...more });

describe("a server's handshake", () => {
  test("has a cipher with a name", async () => {
    const { cipher = "" } = await meet({ context: await context() });
    assert.match(cipher, /^TLS1\.3:TLS_(?:AES_(?:128|256)_GCM|CHACHA20_POLY1305)_SHA\d+:(?:128|256)$/);
  });

  test("has the certificate that the client can use, of several", async () => {
    const both = await context({
      certificateFiles: [rsa.certificateFile, ec.certificateFile],
      privateKeyFiles: [rsa.privateKeyFile, ec.privateKeyFile],
    });
    for (const [kind, ciphers] of [
      ["rsa", "ECDHE-RSA-AES128-GCM-SHA256"],
      ["ec", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ] as const) {
      assert.equal((await meet({ context: both }, { ciphers, maxVersion: "TLSv1.2" })).keyType, kind);
    }
  });

  test("takes no version below TLS 1.2, whatever openssl_options say (RFC 8996)", async () => {
    const old = await context({ options: "-no_tlsv1_1 -no_tlsv1" });
    const { cipher, problem } = await meet(
      { context: old },
      { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" },
    );
    assert.equal(cipher, undefined);
    assert.equal(problem, "unsupported protocol");
  });

  test("obeys openssl_options and tls_require_ciphers", async () => {
    const older = await context({ options: "+no_tlsv1_3", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" });
    assert.equal((await meet({ context: older })).cipher, "TLS1.2:ECDHE-ECDSA-AES256-GCM-SHA384:256");
    const newer = await context({ ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" });
    assert.match((await meet({ context: newer })).cipher ?? "", /^TLS1\.3:/, "its suites are not meant");
  });

  test("gives no tickets unless they are wanted", async () => {
    for (const [options, isWanted] of [
      [undefined, false],
      ["-no_ticket", true],
    ] as const) {
      const { hasTicket } = await meet({ context: await context({ options }) }, { maxVersion: "TLSv1.2" });
      assert.equal(hasTicket, isWanted);
    }
  });
});

describe("a client's certificate", () => {
  const asked = (clientCertificate: "optional" | "required") => async () => ({
    context: await context({ authorities: authority.certificateFile }),
    clientCertificate,
  });
  const shows = ({ certificate, privateKey }: typeof member) => ({ cert: certificate, key: privateKey });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`is verified if an authority has signed it (${maxVersion})`, async () => {
      for (const wanted of ["optional", "required"] as const) {
        const { verification } = await meet(await asked(wanted)(), { ...shows(member), maxVersion });
        assert.deepEqual(verification, {
          isVerified: true,
          problem: undefined,
          ocsp: "not requested",
          isResumed: undefined,
        });
      }
    });

    test(`may be missing or bad where it is optional (${maxVersion})`, async () => {
      const handshake = await asked("optional")();
      const none = await meet(handshake, { maxVersion });
      assert.deepEqual(none.verification, {
        isVerified: false,
        problem: "no certificate was given",
        ocsp: "not requested",
        isResumed: undefined,
      });
      const bad = await meet(handshake, { ...shows(stranger), maxVersion });
      assert.deepEqual(bad.verification, {
        isVerified: false,
        problem: "DEPTH_ZERO_SELF_SIGNED_CERT",
        ocsp: "not requested",
        isResumed: undefined,
      });
    });

    test(`must be there and good where it is required (${maxVersion})`, async () => {
      const handshake = await asked("required")();
      assert.equal((await meet(handshake, { maxVersion })).problem, "peer did not return a certificate");
      const bad = await meet(handshake, { ...shows(stranger), maxVersion });
      assert.equal(bad.problem, "certificate verification failed: DEPTH_ZERO_SELF_SIGNED_CERT");
      assert.equal(bad.verification, undefined);
    });
  }

  test("is good for nobody without authorities, and not asked for by default", async () => {
    const { verification } = await meet({ context: await context(), clientCertificate: "optional" }, shows(member));
    assert.equal(verification?.isVerified, false);
    const { verification: unasked } = await meet({ context: await context() }, shows(member));
    assert.deepEqual(unasked, { isVerified: false, problem: undefined, ocsp: "not requested", isResumed: undefined });
  });
});

describe("the protocol that a client names", () => {
  const rows: readonly [offered: readonly string[], isTaken: boolean][] = [
    [[], true],
    [["smtp"], true],
    [["esmtp"], true],
    [["http/1.1"], false],
    [["smtp", "esmtp"], false],
    [["smtp", "h2"], false],
  ];
  for (const [offered, isTaken] of rows) {
    test(`${offered.join(" and ") || "none"} is ${isTaken ? "taken" : "declined"}`, async () => {
      const handshake = { context: await context(), protocols: ["smtp", "esmtp"] };
      const { cipher, protocol, problem } = await meet(handshake, { ALPNProtocols: [...offered] });
      assert.deepEqual(
        [cipher !== undefined, protocol, problem],
        isTaken ? [true, offered[0] ?? false, undefined] : [false, undefined, "no application protocol"],
      );
    });
  }
});

test("the system's authorities are good ones, and a client's own certificate is not among them", async () => {
  const trusting = await context({ authorities: "system" });
  const options = { cert: stranger.certificate, key: stranger.privateKey };
  const { verification } = await meet({ context: trusting, clientCertificate: "optional" }, options);
  assert.equal(verification?.isVerified, false);
});

test("a directory of authorities has all of those that are in it", async () => {
  const handshake = {
    context: await context({ authorities: dirname(authority.certificateFile) }),
    clientCertificate: "required" as const,
  };
  const { verification } = await meet(handshake, { cert: member.certificate, key: member.privateKey });
  assert.equal(verification?.isVerified, true);
});
