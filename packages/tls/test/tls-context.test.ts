import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { loadTlsContext } from "../src/tls-context.ts";

const { certificateFile: certificate, privateKeyFile: key } = makeCertificate("mx.test");
const missing = join(import.meta.dirname, "none.pem");

const settings = (certificateFile: string, privateKeyFile: string) => ({
  certificateFiles: [certificateFile],
  privateKeyFiles: [privateKeyFile],
});

describe("loadTlsContext", () => {
  const wrong = [
    {
      name: "a certificate that is not there",
      files: [missing, key],
      text: /tls_certificate: .*none\.pem: cannot be read/,
    },
    {
      name: "a key that is not there",
      files: [certificate, missing],
      text: /tls_privatekey: .*none\.pem: cannot be read/,
    },
    {
      name: "a key of another certificate",
      files: [certificate, makeCertificate("mx.test").privateKeyFile],
      text: /is not the key of the certificate/,
    },
    { name: "a key for a certificate", files: [key, key], text: /tls_certificate: / },
    { name: "a certificate for a key", files: [certificate, certificate], text: /tls_privatekey: / },
  ] as const;
  for (const { name, files, text } of wrong) {
    test(`${name} is a configuration error that names the file`, async () => {
      await assert.rejects(loadTlsContext(settings(files[0], files[1])), { name: "ConfigError", message: text });
    });
  }

  const wrongOptions = [
    { name: "ciphers that nobody knows", more: { ciphers: "NONSENSE" }, text: /tls_require_ciphers: NONSENSE: / },
    { name: "authorities that are not there", more: { authorities: missing }, text: /tls_verify_certificates: .*none/ },
    { name: "revocations that are not there", more: { revocations: missing }, text: /tls_crl: .*none/ },
    { name: "curves that nobody knows", more: { curves: "nonsense" }, text: /tls_certificate: / },
  ] as const;
  for (const { name, more, text } of wrongOptions) {
    test(`${name} are a configuration error`, async () => {
      const given = { ...settings(certificate, key), ...more };
      await assert.rejects(loadTlsContext(given), { name: "ConfigError", message: text });
    });
  }
});
