import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { ownCertificate } from "../src/index.ts";

const authority = makeCertificate("authority", { isAuthority: true });
const namesake = makeCertificate("authority", { isAuthority: true, key: "rsa" });
const mx = makeCertificate("mx.test", { issuer: authority, mustStaple: true });
const issuerIn = (...texts: readonly string[]): string | undefined =>
  ownCertificate("mx.pem", Buffer.from(texts.join("\n"))).issuer?.fingerprint256;

test("the issuer of a certificate is the one in its file that has signed it, not one of the same name", () => {
  const issuer = issuerIn(mx.certificate, namesake.certificate, authority.certificate);
  assert.equal(issuer, ownCertificate("a.pem", Buffer.from(authority.certificate)).leaf.fingerprint256);
  assert.equal(issuerIn(mx.certificate, namesake.certificate), undefined);
  assert.equal(issuerIn(mx.certificate, mx.privateKey), undefined);
});

test("a certificate may have issued itself", () => {
  assert.notEqual(issuerIn(makeCertificate("self.test").certificate), undefined);
});

test("what is damaged in a chain is passed over here", () => {
  const damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  assert.notEqual(issuerIn(mx.certificate, damaged, authority.certificate), undefined);
});

test("a certificate says that it must be shown with a proof", () => {
  assert.equal(ownCertificate("mx.pem", Buffer.from(mx.certificate)).mustStaple, true);
  assert.equal(ownCertificate("a.pem", Buffer.from(authority.certificate)).mustStaple, false);
});
