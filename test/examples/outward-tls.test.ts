import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { text } from "./text.ts";

example("12.1", "tls_verify_cert_hostnames", {
  config: around({
    smtp: "  tls_verify_hosts = *\n  tls_verify_certificates = ./ca.pem\n  tls_verify_cert_hostnames = *",
  }),
  shows(site) {
    assert.equal(site.transportOption("remote_smtp", "tls_verify_cert_hostnames"), "*");
    assert.equal(site.transportOption("remote_smtp", "tls_verify_hosts"), "*");
  },
  pending: [
    { part: "F", behaviour: "a certificate for another name defers the delivery" },
    { part: "F", behaviour: "a name or a wildcard in the first of three labels is enough" },
  ],
});

example("13.1", "hosts_request_ocsp, unless DANE vouches for the certificate itself", {
  config: around({ smtp: text("13.1.conf") }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "hosts_request_ocsp"));
    const values = [0, 4, 8, 12].map((usage) => site.value(source, { tls_out_tlsa_usage: usage }));
    assert.deepEqual(await Promise.all(values), ["*", "*", "", ""]);
    assert.deepEqual(await site.expand(source), ["*"], "no TLS");
  },
  pending: { part: "F", behaviour: "$tls_out_tlsa_usage is set while the connection is made" },
});

example("13.2", "hosts_try_dane and hosts_require_dane", {
  config: around({ smtp: "  hosts_try_dane = *\n  hosts_require_dane = *\n  dnssec_request_domains = *" }),
  shows(site) {
    const options = ["hosts_try_dane", "hosts_require_dane", "dnssec_request_domains"];
    assert.deepEqual(
      options.map((name) => site.transportOption("remote_smtp", name)),
      ["*", "*", "*"],
    );
  },
  pending: [
    { part: "F", behaviour: "with a TLSA record that can be used, TLS is required and verified: CV=dane" },
    { part: "F", behaviour: "required, and without such a record, the delivery is deferred" },
  ],
});

example("13.3", "the shell's way to the digest of a TLSA record 3 1 2", {
  config: around(),
  async shows(_site, t) {
    if (needs(t, "openssl") === undefined) return;
    const directory = await temporaryDirectory(t, "tlsa");
    const certificate = join(directory, "certificate.pem");
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.test.example"];
    execFileSync("openssl", [...request, "-keyout", join(directory, "key"), "-out", certificate], { stdio: "ignore" });
    const recipe =
      "openssl x509 -pubkey -noout < certificate.pem | openssl rsa -outform der -pubin 2>/dev/null | openssl sha512 | awk '{print $2}'";
    const digest = execFileSync("sh", ["-c", recipe], { cwd: directory, encoding: "latin1" }).trim();
    const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: "spki", format: "der" });
    assert.equal(digest, createHash("sha512").update(key).digest("hex"));
  },
  pending: { part: "F", behaviour: "a certificate with this digest is taken" },
});
