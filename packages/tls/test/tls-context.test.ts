import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect } from "node:tls";
import { makeCertificate } from "@postbus/testkit";
import { cipherText, loadTlsContext, startServerTls } from "../src/index.ts";

const { certificateFile: certificate, privateKeyFile: key } = makeCertificate("mx.test");
const missing = join(import.meta.dirname, "none.pem");

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
      await assert.rejects(loadTlsContext(files[0], files[1]), { name: "ConfigError", message: text });
    });
  }
});

test("a connection becomes a TLS connection, and its cipher has a name", async () => {
  const context = await loadTlsContext(certificate, key);
  const secured = Promise.withResolvers<string>();
  await using server = createServer((socket) => {
    const tls = startServerTls(socket, context, () => secured.resolve(cipherText(tls)));
    tls.on("data", (octets) => tls.write(octets));
    tls.on("error", secured.reject);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const client = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(client, "secureConnect");
  assert.match(await secured.promise, /^TLS1\.3:TLS_(?:AES_(?:128|256)_GCM|CHACHA20_POLY1305)_SHA\d+:(?:128|256)$/);
  client.write("hello");
  assert.deepEqual(await once(client, "data"), [Buffer.from("hello")]);
  client.destroy();
});

test("ciphers of TLS 1.2 have their key's bits, too", () => {
  const socket = (name: string) => ({
    getProtocol: () => "TLSv1.2",
    getCipher: () => ({ name, standardName: name, version: "TLSv1.2" }),
  });
  assert.equal(cipherText(socket("ECDHE-RSA-AES256-GCM-SHA384")), "TLS1.2:ECDHE-RSA-AES256-GCM-SHA384:256");
  assert.equal(cipherText(socket("ECDHE-RSA-CHACHA20-POLY1305")), "TLS1.2:ECDHE-RSA-CHACHA20-POLY1305:256");
});
