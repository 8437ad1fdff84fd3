import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { freePort, makeCertificate, makeOcspResponse, program, runPostbus } from "@postbus/testkit";

const directory = mkdtempSync(join(tmpdir(), "postbus-ocsp-fetch-"));
after(() => rmSync(directory, { recursive: true }));
const HOUR_MS = 3_600_000;
const authority = makeCertificate("authority", { isAuthority: true });

/** Runs it for a certificate; the file is made if all goes well. */
async function fetched(cert: string, name: string, more: readonly string[] = []) {
  const file = join(directory, name);
  const args = ["-c", cert, "-o", file, "-i", authority.certificateFile, ...more];
  return { file, ...(await runPostbus({ command: "ocsp-fetch", args })) };
}

/** A responder that answers as it is told. */
async function responder(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/ocsp`;
}

const openssl = program("openssl");

test("a real responder (openssl ocsp), by the URL of the certificate", { skip: openssl === undefined }, async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const signer = makeCertificate("responder", { issuer: authority, isOcspSigner: true });
  const [good, revoked] = [0, 1].map(() => makeCertificate("mx.test", { issuer: authority, responder: url }));
  assert.ok(good && revoked);
  const serial = ({ certificate }: typeof good): string => new X509Certificate(certificate).serialNumber;
  const index = join(directory, "index.txt");
  const lines = [
    `V\t491231235959Z\t\t${serial(good)}\tunknown\t/CN=mx.test`,
    `R\t491231235959Z\t250101000000Z\t${serial(revoked)}\tunknown\t/CN=mx.test`,
  ];
  writeFileSync(index, `${lines.join("\n")}\n`);
  const child = spawn(openssl ?? "", [
    ...["ocsp", "-index", index, "-CA", authority.certificateFile, "-port", String(port), "-ndays", "2"],
    ...["-rsigner", signer.certificateFile, "-rkey", signer.privateKeyFile],
  ]);
  t.after(() => child.kill());
  await ready(child);
  const { code, errors, file } = await fetched(good.certificateFile, "real.der", ["-v"]);
  assert.equal(code, 0, errors);
  assert.match(errors, /is good until/);
  // The signer's certificate ends in a day, the proof in two.
  assert.match(errors, /signer ends before the proof/);
  const left = statSync(file).mtimeMs - Date.now();
  assert.ok(left > 21 * HOUR_MS && left < 22 * HOUR_MS, `due in ${left / HOUR_MS} h`);
  const refused = await fetched(revoked.certificateFile, "revoked.der");
  assert.equal(refused.code, 69);
  assert.match(refused.errors, /it says that the certificate is revoked/);
  assert.equal(existsSync(refused.file), false);
});

async function ready(child: ChildProcess): Promise<void> {
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (said += text));
  while (!/waiting for/i.test(said))
    await Promise.race([once(child.stdout ?? child, "data"), once(child.stderr ?? child, "data")]);
}

describe("what the file has already", () => {
  const mx = makeCertificate("mx.test", { issuer: authority });

  test("stays until its time has come, unless --force says otherwise", async (t) => {
    const proof = makeOcspResponse(mx, { issuer: authority });
    let asked = 0;
    const url = await responder(t, (_request, response) => {
      asked++;
      response.end(proof);
    });
    const again = (...more: string[]) => fetched(mx.certificateFile, "kept.der", ["-u", url, ...more]);
    assert.equal((await again()).code, 0);
    assert.deepEqual(readFileSync(join(directory, "kept.der")), proof);
    const { errors } = await again("-v");
    assert.match(errors, /is fresh until/);
    assert.equal(asked, 1);
    await again("-f");
    assert.equal(asked, 2);
    utimesSync(join(directory, "kept.der"), 1, 1);
    await again();
    assert.equal(asked, 3);
  });

  const stranger = makeCertificate("authority", { isAuthority: true });
  const rows: readonly [name: string, answer: RequestListener, code: number, text: RegExp][] = [
    [
      "an answer without nextUpdate",
      sends(makeOcspResponse(mx, { issuer: authority, nextUpdateMs: undefined })),
      69,
      /nextUpdate/,
    ],
    ["an answer of somebody else", sends(makeOcspResponse(mx, { issuer: authority, signer: stranger })), 69, /signed/],
    ["a responder that is busy (tryLater)", sends(Buffer.from("30030a0103", "hex")), 75, /tryLater/],
    ["a page", sends(Buffer.from("<html>")), 75, /ocsp: http/],
    ["an error of the server", (_request, response) => response.writeHead(503).end(), 75, /HTTP status 503/],
    ["an answer without an end", (_request, response) => endless(response), 75, /more than 65536 octets/],
    ["a connection that breaks", (request) => request.destroy(), 75, /no answer/],
  ];
  for (const [name, answer, code, text] of rows) {
    test(`stays with ${name}: ${code}`, async (t) => {
      const url = await responder(t, answer);
      writeFileSync(join(directory, "old.der"), "old");
      utimesSync(join(directory, "old.der"), 1, 1);
      const { errors, code: found, file } = await fetched(mx.certificateFile, "old.der", ["-u", url]);
      assert.match(errors, text);
      assert.equal(found, code);
      assert.equal(readFileSync(file, "latin1"), "old");
    });
  }

  function sends(octets: Buffer): RequestListener {
    return (_request, response) => response.end(octets);
  }

  function endless(response: Parameters<RequestListener>[1]): void {
    const more = (): void => {
      if (response.write(Buffer.alloc(65_536)) && !response.destroyed) setImmediate(more);
    };
    response.on("drain", more);
    more();
  }
});

describe("without asking anybody", () => {
  const mx = makeCertificate("mx.test", { issuer: authority });
  const self = makeCertificate("self.test", { responder: "http://127.0.0.1:1" });

  test("a certificate that names no responder is no error: there is nothing to staple", async () => {
    const { code, errors, file } = await fetched(mx.certificateFile, "none.der", ["-v"]);
    assert.equal(code, 0);
    assert.match(errors, /names no responder/);
    assert.equal(existsSync(file), false);
  });

  const rows: readonly [name: string, args: readonly string[], code: number, text: RegExp][] = [
    ["no certificate", ["-o", "x"], 64, /--cert/],
    ["a margin that is none", ["-c", "x", "-o", "y", "-m", "100"], 64, /--margin/],
    ["a certificate that is not there", ["-c", "/none.pem", "-o", "/none.der"], 78, /none\.pem: cannot be read/],
    ["a file that is no certificate", ["-c", mx.privateKeyFile, "-o", "/none.der"], 78, /no certificate in PEM/],
    [
      "an issuer that is not known",
      ["-c", mx.certificateFile, "-u", "http://127.0.0.1:1", "-o", "/none.der"],
      78,
      /name it with --issuer/,
    ],
    ["a responder that is not there", ["-c", self.certificateFile, "-o", "/none.der"], 75, /no answer/],
  ];
  for (const [name, args, code, text] of rows) {
    test(`${name}: ${code}`, async () => {
      const found = await runPostbus({ command: "ocsp-fetch", args });
      assert.match(found.errors, text);
      assert.equal(found.code, code);
    });
  }
});
