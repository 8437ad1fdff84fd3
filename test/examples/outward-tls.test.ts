import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { makeCertificate, type SmtpPeer, startDnsServer, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import { text } from "./text.ts";

example("12.1", "tls_verify_cert_hostnames", {
  config: around({
    smtp: "  tls_verify_hosts = *\n  tls_verify_certificates = ./ca.pem\n  tls_verify_cert_hostnames = *",
  }),
  async shows(site, t) {
    assert.equal(site.transportOption("remote_smtp", "tls_verify_cert_hostnames"), "*");
    assert.equal(site.transportOption("remote_smtp", "tls_verify_hosts"), "*");

    const authority = makeCertificate("the authority", { isAuthority: true });
    const dns = await startDnsServer({ "mx.peer.example": { A: ["127.0.0.1"] } });
    t.after(() => dns.stop());
    const peers = new Map<string, SmtpPeer>();
    for (const name of ["mx.peer.example", "*.peer.example", "mx.other.example", "*.mx.peer.example"]) {
      const { certificate: cert, privateKey: key } = makeCertificate(name, { issuer: authority });
      const peer = await startSmtpPeer({ tls: createSecureContext({ cert, key }) });
      t.after(() => peer[Symbol.asyncDispose]());
      peers.set(name, peer);
    }
    const routes = [...peers.values()].map(({ port }, n) => `d${n}.example mx.peer.example::${port} bydns`);
    const config = around({
      routers: `by_name:\n  driver = manualroute\n  route_list = ${routes.join(" ; ")}\n  self = send\n  transport = remote_smtp\n`,
      smtp: `  tls_verify_hosts = *
  tls_verify_certificates = ${authority.certificateFile}
  tls_verify_cert_hostnames = *
  hosts_require_tls = *
  allow_localhost`,
    });
    const { port, mainlog } = await runningProgram(t, config, { POSTBUS_DNS_SERVERS: dns.address });
    const to = [...peers.keys()].map((_, n) => `RCPT TO:<u@d${n}.example>`);
    await speak(port, ["EHLO c", "MAIL FROM:<a@test.example>", ...to, "DATA", "Subject: x\r\n\r\nx\r\n."]);
    const lines = await eventually(async () => {
      const said = (await readFile(mainlog, "latin1")).match(/^\S+ \S+ \S+ (?:=>|==) .*/gm) ?? [];
      return said.length === peers.size ? said.toSorted((a, b) => domainOf(a).localeCompare(domainOf(b))) : undefined;
    });
    assert.deepEqual(
      lines.map(
        (line) => `${domainOf(line)} ${/ => .* CV=yes /.test(line) ? "delivered" : /certificate.*/.exec(line)?.[0]}`,
      ),
      [
        "d0 delivered",
        "d1 delivered",
        'd2 certificate name mismatch: DN="/CN=mx.other.example" H="mx.peer.example"',
        'd3 certificate name mismatch: DN="/CN=*.mx.peer.example" H="mx.peer.example"',
      ],
    );
  },
});

const domainOf = (line: string): string => /@(d\d)\.example/.exec(line)?.[1] ?? line;

example("13.1", "hosts_request_ocsp, unless DANE vouches for the certificate itself", {
  config: around({ smtp: text("13.1.conf") }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "hosts_request_ocsp"));
    const values = [0, 4, 8, 12].map((usage) => site.value(source, { tls_out_tlsa_usage: usage }));
    assert.deepEqual(await Promise.all(values), ["*", "*", "", ""]);
    assert.deepEqual(await site.expand(source), ["*"], "no TLS");
  },
  pending: "$tls_out_tlsa_usage is set while the connection is made",
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
    "with a TLSA record that can be used, TLS is required and verified: CV=dane",
    "required, and without such a record, the delivery is deferred",
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
  pending: "a certificate with this digest is taken",
});
