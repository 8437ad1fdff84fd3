import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { RouteItem } from "@postbus/contracts";
import { eximAsClient, eximCommand, freePort, makeCertificate, program } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway } from "./start-test-gateway.ts";

const run = promisify(execFile);
const [ec, rsa] = [makeCertificate("mx.test"), makeCertificate("mx.test", { key: "rsa" })];
const client = makeCertificate("client.test");
const main = `
  tls_certificate = \${if eq{$tls_in_sni}{}{${ec.certificateFile}}{${ec.certificateFile}}} : ${rsa.certificateFile}
  tls_privatekey = ${ec.privateKeyFile} : ${rsa.privateKeyFile}
  tls_try_verify_hosts = *
  tls_verify_certificates = ${client.certificateFile}
`;

function needs(t: TestContext, name: string): string | undefined {
  const path = program(name);
  if (path === undefined) t.skip(`SKIPPED: ${name} is not on this machine`);
  return path;
}

/** What `openssl s_client` prints of a session; it says QUIT when it has been greeted. */
async function sClient(openssl: string, { port }: TestGateway, options: readonly string[]): Promise<string> {
  const child = spawn(openssl, ["s_client", "-connect", `127.0.0.1:${port}`, "-crlf", "-ign_eof", ...options]);
  let output = "";
  let hasQuit = false;
  const onData = (octets: Buffer): void => {
    output += octets.toString("latin1");
    if (hasQuit || !/^(?:220|250) .*(?:Postbus|HELP)/m.test(output)) return;
    hasQuit = true;
    child.stdin.write("QUIT\n");
  };
  child.stdout.on("data", onData);
  child.stderr.on("data", onData);
  // It may be gone before it has read our word.
  child.stdin.on("error", () => undefined);
  await new Promise((resolve) => child.once("close", resolve));
  return output;
}

describe("openssl s_client", () => {
  const rows: readonly [name: string, options: readonly string[], output: RegExp][] = [
    ["TLS 1.3", ["-tls1_3"], /TLSv1\.3, Cipher is TLS_[\s\S]*221 /],
    ["ECDSA", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], /Cipher is ECDHE-ECDSA[\s\S]*221 /],
    ["RSA", ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"], /Cipher is ECDHE-RSA[\s\S]*221 /],
    [
      "RSA of a server that it names",
      ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384", "-servername", "mx.test"],
      /Cipher is ECDHE-RSA[\s\S]*221 /,
    ],
    ["a protocol that is mail's", ["-alpn", "smtp"], /ALPN protocol: smtp[\s\S]*221 /],
    ["a protocol that is not", ["-alpn", "http/1.1"], /alert no application protocol/],
    ["TLS 1.1", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], /alert protocol version/],
  ];
  for (const [name, options, output] of rows) {
    test(`with TLS before the greeting: ${name}`, async (t) => {
      const openssl = needs(t, "openssl");
      if (openssl === undefined) return;
      await using gateway = await startTestGateway({ policy: { main: `${main}\ntls_on_connect_ports = 0` } });
      assert.match(await sClient(openssl, gateway, options), output);
    });
  }

  test("with STARTTLS", async (t) => {
    const openssl = needs(t, "openssl");
    if (openssl === undefined) return;
    await using gateway = await startTestGateway({ policy: { main } });
    assert.match(await sClient(openssl, gateway, ["-starttls", "smtp"]), /Cipher is TLS_[\s\S]*221 /);
  });
});

describe("Exim", () => {
  const rows = [
    ["STARTTLS, with a certificate", "smtp", true],
    ["TLS before the greeting", "smtps", false],
  ] as const;
  for (const [name, protocol, isVerified] of rows) {
    test(`sends over ${name}`, { timeout: 180_000 }, async (t) => {
      if (needs(t, "exim-4.96") === undefined) return;
      const onConnect = protocol === "smtps" ? "\ntls_on_connect_ports = 0" : "";
      await using gateway = await startTestGateway({ policy: { main: main + onConnect } });
      const directory = await mkdtemp(join(tmpdir(), "postbus-exim-tls-"));
      t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
      const own = `tls_certificate = ${directory}/client.pem\n  tls_privatekey = ${directory}/client.key`;
      const options = ["hosts_require_tls = *", "tls_sni = mx.test", `protocol = ${protocol}`, isVerified ? own : ""];
      const config = eximAsClient(gateway.port, options.join("\n  "));
      const [command = "", ...args] = eximCommand("exim-4.96", config, { port: await freePort(), directory });
      // Exim reads them as somebody who may not read ours.
      await writeFile(join(directory, "client.pem"), client.certificate);
      await writeFile(join(directory, "client.key"), client.privateKey, { mode: 0o644 });
      const child = run(command, [...args, "-odi", "-f", "a@exim.test", "ann@example.org"]);
      child.child.stdin?.end("Subject: by Exim\n\nbody\n");
      await child;
      const { reception } = Value.Parse(RouteItem, (await gateway.taken()).header);
      assert.equal(reception.protocol, "esmtps");
      assert.match(reception.cipher ?? "", /^TLS1\.3:TLS_/);
      assert.equal(reception.serverName, "mx.test");
      assert.equal(reception.certificateVerified, isVerified);
      assert.equal(reception.peerName, isVerified ? "/CN=client.test" : undefined);
    });
  }
});
