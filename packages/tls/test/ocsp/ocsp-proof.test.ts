import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { makeCertificate, makeOcspResponse } from "@postbus/testkit";
import fc from "fast-check";
import { certificateDetails } from "../../src/ocsp/certificate-details.ts";
import { type Certified, checkOcspProof, proofFaultAt, validUntilMs } from "../../src/ocsp/ocsp-proof.ts";
import { opensslIsMissing, opensslResponse, opensslVerdict } from "./openssl-ocsp.ts";

const PSS = ["-rsigopt", "rsa_padding_mode:pss"];
const ONE_DAY = ["-ndays", "1"];
const NOW = Date.now();
const HOUR_MS = 3_600_000;
const authorities = {
  ec: makeCertificate("authority", { isAuthority: true }),
  rsa: makeCertificate("authority", { isAuthority: true, key: "rsa" }),
};
const issuer = authorities.ec;
const certificate = makeCertificate("mx.test", { issuer });
const other = makeCertificate("mx.test", { issuer });
const delegate = makeCertificate("responder", { issuer, isOcspSigner: true, validForMs: 2 * HOUR_MS });
const plain = makeCertificate("responder", { issuer });
const stranger = makeCertificate("authority", { isAuthority: true });

const certified = (of = certificate, by = issuer): Certified => ({
  certificate: new X509Certificate(of.certificate),
  issuer: new X509Certificate(by.certificate),
});
const made = (wishes: Partial<Parameters<typeof makeOcspResponse>[1]> = {}): Buffer =>
  makeOcspResponse(certificate, { issuer, ...wishes });
const faultOf = (octets: Buffer, of = certified(), nowMs = NOW): string => {
  const checked = checkOcspProof(octets, of, nowMs);
  return "fault" in checked ? checked.fault : "proof";
};

describe("a proof", () => {
  const rows: readonly [name: string, octets: Buffer, found: string][] = [
    ["signed by the issuer", made(), "proof"],
    ["that names the issuer by SHA-256", made({ hash: "sha256" }), "proof"],
    ["signed by whom the issuer has allowed it", made({ signer: delegate }), "proof"],
    ["signed by one whom the issuer has certified for something else", made({ signer: plain }), "bad signature"],
    ["signed by somebody of the issuer's name", made({ signer: stranger }), "bad signature"],
    ["of somebody of the issuer's name", makeOcspResponse(certificate, { issuer: stranger }), "other certificate"],
    ["of another certificate", makeOcspResponse(other, { issuer }), "other certificate"],
    ["of revocation", made({ status: "revoked" }), "revoked"],
    ["of nothing", made({ status: "unknown" }), "unknown"],
    ["without nextUpdate", made({ nextUpdateMs: undefined }), "no next update"],
    ["that has ended within the slack of 300 s", made({ nextUpdateMs: NOW - 290_000 }), "proof"],
    ["that has ended", made({ nextUpdateMs: NOW - 310_000 }), "expired"],
    ["that begins within the slack", made({ thisUpdateMs: NOW + 290_000 }), "proof"],
    ["that is to begin", made({ thisUpdateMs: NOW + 310_000 }), "not yet valid"],
    ["that is no DER", Buffer.from("nonsense"), "unreadable"],
    ["of no octets", Buffer.alloc(0), "unreadable"],
    ["with something behind it", Buffer.concat([made(), Buffer.of(0)]), "unreadable"],
    ["that is a refusal", Buffer.from("30030a0103", "hex"), "unreadable"],
    ["that is larger than any", Buffer.alloc(65_537, 0x30), "unreadable"],
  ];
  for (const [name, octets, found] of rows) {
    test(`${name}: ${found}`, () => assert.equal(faultOf(octets), found));
  }

  test("does not outlive the certificate of its signer", () => {
    const proof = checkOcspProof(made({ signer: delegate, nextUpdateMs: NOW + 24 * HOUR_MS }), certified(), NOW);
    assert.ok(!("fault" in proof));
    assert.ok(validUntilMs(proof) < NOW + 3 * HOUR_MS);
    assert.equal(proofFaultAt(proof, NOW + HOUR_MS), undefined);
    assert.equal(proofFaultAt(proof, NOW + 3 * HOUR_MS), "expired");
  });

  test("is taken without the issuer's certificate, if it brings along what shows who has signed it", () => {
    const unknown = { ...certified(), issuer: undefined };
    assert.equal(faultOf(made(), unknown), "proof");
    assert.equal(faultOf(made({ signer: delegate }), unknown), "proof");
    assert.equal(faultOf(made({ signer: plain }), unknown), "bad signature");
    assert.equal(faultOf(made({ signer: stranger }), unknown), "bad signature");
  });

  test("with one octet changed is none, and nothing is thrown", () => {
    const octets = made({ signer: delegate });
    // The signer's certificate brings its own name and dates, which nobody needs.
    const signed = octets.length - new X509Certificate(delegate.certificate).raw.length;
    for (let at = 0; at < octets.length; at++) {
      const changed = Buffer.from(octets);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const found = faultOf(changed);
      if (at < signed - 8) assert.notEqual(found, "proof", `octet ${at}`);
    }
  });

  test("of any octets is an answer", () => {
    const octets = made();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(100), (noise, at) => {
        assert.notEqual(faultOf(Buffer.from(noise)), "proof");
        assert.notEqual(faultOf(Buffer.concat([octets.subarray(0, at), Buffer.from(noise), Buffer.of(1)])), "proof");
      }),
    );
  });
});

describe("openssl ocsp", { skip: opensslIsMissing }, () => {
  for (const [type, authority] of Object.entries(authorities)) {
    const of = makeCertificate("mx.test", { issuer: authority });
    const who = certified(of, authority);
    const rows: readonly [name: string, Parameters<typeof opensslResponse>[1], words: string[], found: string][] = [
      ["good", { issuer: authority }, ["-ndays", "1"], "proof"],
      ["revoked", { issuer: authority, isRevoked: true }, ["-ndays", "1"], "revoked"],
      ["without nextUpdate", { issuer: authority }, [], "no next update"],
      ["with the key's hash for a name", { issuer: authority }, ["-ndays", "1", "-resp_key_id"], "proof"],
      ["with RSA-PSS", { issuer: authority }, ["-ndays", "1", ...(type === "rsa" ? PSS : [])], "proof"],
      ["with SHA-384", { issuer: authority }, ["-ndays", "1", "-rmd", "sha384"], "proof"],
      ["without certificates", { issuer: authority }, ["-ndays", "1", "-resp_no_certs"], "proof"],
    ];
    for (const [name, from, words, found] of rows) {
      test(`signs with ${type}: ${name}: ${found}`, () => {
        assert.equal(faultOf(opensslResponse(of, from, words), who, Date.now()), found);
      });
    }

    test(`answers for another certificate of the same authority (${type}): other certificate`, () => {
      const octets = opensslResponse(makeCertificate("mx.test", { issuer: authority }), { issuer: authority }, ONE_DAY);
      assert.equal(faultOf(octets, who, Date.now()), "other certificate");
    });
  }

  test("takes the responses that these tests make", () => {
    assert.match(opensslVerdict(made(), certificate, issuer), /Response verify OK[\s\S]*: good/);
    assert.match(opensslVerdict(made({ signer: delegate }), certificate, issuer), /Response verify OK[\s\S]*: good/);
    assert.match(opensslVerdict(made({ status: "revoked" }), certificate, issuer), /OK[\s\S]*: revoked/);
  });
});

test("a certificate says where its issuer answers, and whether it must be proved", () => {
  const details = (wishes: Parameters<typeof makeCertificate>[1]) =>
    certificateDetails(new X509Certificate(makeCertificate("mx.test", wishes).certificate));
  assert.deepEqual(details({ responder: "http://ocsp.test/x", mustStaple: true }).responders, ["http://ocsp.test/x"]);
  assert.equal(details({ responder: "http://ocsp.test/x", mustStaple: true }).mustStaple, true);
  assert.deepEqual(details({}).responders, []);
  assert.equal(details({ key: "rsa", isNameless: true }).mustStaple, false);
});
