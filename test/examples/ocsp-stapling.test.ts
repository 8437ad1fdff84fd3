import assert from "node:assert/strict";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { Site } from "./site.ts";
import { text } from "./text.ts";

const CERTIFICATE = "tls_certificate = ./mx.pem\ntls_privatekey = ./mx.key\n";
const smtpOption = (site: Site, name: string): unknown => site.transportOption("remote_smtp", name);

// What clients are shown, and when, is in services/gateway/test/tls/ocsp.test.ts.
example("2.1", "tls_ocsp_file", {
  config: around({ main: `${CERTIFICATE}tls_ocsp_file = ./ocsp.der` }),
  shows: ({ configuration }) => assert.equal(configuration.main.get("tls_ocsp_file"), "./ocsp.der"),
});

example("2.2", "hosts_require_ocsp", {
  config: around({
    smtp: "  hosts_require_ocsp = *\n  hosts_require_tls = *\n  tls_verify_certificates = ./ca.pem",
  }),
  shows(site) {
    assert.equal(smtpOption(site, "hosts_require_ocsp"), "*");
    assert.equal(smtpOption(new Site(around()), "hosts_require_ocsp") ?? "", "");
  },
  pending: "a host that staples nothing, or no good proof, defers the delivery",
});

example("2.3", "hosts_request_ocsp", {
  config: around({ smtp: "  hosts_request_ocsp = *" }),
  shows: () => assert.equal(smtpOption(new Site(around()), "hosts_request_ocsp"), "*"),
  pending: "a proof is asked for, and told in $tls_out_ocsp",
});

example("2.4", "hosts_request_ocsp where DANE has a proof of its own: what it gives is 13.1", {
  config: around({ smtp: text("13.1.conf") }),
});
