import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Received, Rejected } from "@postbus/contracts";
import { type HaproxyOptions, makeCertificate, program, startHaproxy } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway, type TestPolicy } from "../start-test-gateway.ts";
import { TestClient } from "../test-client.ts";

const skip =
  program("haproxy") === undefined &&
  "SKIPPED: haproxy is not on this machine; packages/testkit/fetch-servers.sh gets it";

interface Site extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** Through HAProxy, from an address that is not its own. */
  connect(): Promise<TestClient>;
}

async function behindHaproxy(options: Omit<HaproxyOptions, "serverPort">, policy: TestPolicy = {}): Promise<Site> {
  const main = `hosts_proxy = 127.0.0.1\nlog_selector = +proxy\n${policy.main ?? ""}`;
  const gateway = await startTestGateway({ policy: { ...policy, main, smtp: { proxyTimeoutMs: 60_000 } } });
  const haproxy = await startHaproxy({ ...options, serverPort: gateway.port });
  return {
    gateway,
    connect: () => TestClient.connect(haproxy.port, "127.0.0.2"),
    async [Symbol.asyncDispose]() {
      await haproxy.stop();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

async function headersCounted({ metrics }: TestGateway, result: string): Promise<number> {
  const line = new RegExp(`postbus_gateway_proxy_headers_total\\{result="${result}"\\} (\\d+)`);
  return Number(line.exec(await metrics.metrics())?.[1] ?? 0);
}

const PATIENCE_MS = 60_000;
/** Health checks, as fast as HAProxy makes them; a machine that has other things to do is not down. */
const CHECK = "check check-send-proxy inter 50ms rise 1 fall 100";

describe("behind a real HAProxy", { skip }, () => {
  for (const server of ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"]) {
    test(`${server}: the client is the sender of its mail`, async () => {
      await using site = await behindHaproxy({ server });
      await using client = await site.connect();
      await client.expect(220);
      assert.match(await client.say("EHLO client.example\r\n", 250), /\[127\.0\.0\.2\]/);
      await client.say("MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 250, 354);
      await client.say("Subject: x\r\n\r\n.\r\nQUIT\r\n", 250, 221);
      const event = Value.Parse(Received, await site.gateway.event(({ name }) => name === "msg:received"));
      assert.equal(event.reception.clientAddress, "127.0.0.2");
      assert.equal(event.proxyAddress, "127.0.0.1");
    });
  }

  for (const server of [`send-proxy ${CHECK}`, `send-proxy-v2 ${CHECK}`]) {
    for (const [kind, backend] of [
      ["connections", ""],
      ["sessions", "    option smtpchk EHLO probe.example\n"],
    ] as const) {
      test(`${server}, checked by ${kind}: probes are quiet, and mail goes through`, async () => {
        await using site = await behindHaproxy({ server, backend });
        const deadline = performance.now() + PATIENCE_MS;
        // A probe that only connects is often gone before it can be looked at.
        while (backend !== "" && (await headersCounted(site.gateway, "local")) < 3) {
          assert.ok(performance.now() < deadline, "no probes");
          await delay(20);
        }
        await using client = await site.connect();
        await client.expect(220);
        assert.match(await client.say("EHLO c\r\n", 250), /\[127\.0\.0\.2\]/);
        await client.say("MAIL FROM:<>\r\nRCPT TO:<x@elsewhere.example>\r\n", 250, 550);
        const { text } = Value.Parse(Rejected, await site.gateway.event(({ name }) => name === "smtp:reject"));
        assert.match(text, /rejected RCPT/, "the first line of the log is not about a probe");
        assert.equal(await headersCounted(site.gateway, "invalid"), 0);
        assert.equal(await headersCounted(site.gateway, "timeout"), 0);
      });
    }
  }

  test("that ends TLS: what the client has shown it are variables", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "postbus-haproxy-"));
    t.after(() => rm(directory, { recursive: true }));
    const { certificate, privateKey } = makeCertificate("mx.test");
    const file = join(directory, "both.pem");
    await writeFile(file, certificate + privateKey);
    const shown = "$proxy_result $proxy_sni $proxy_tls_version $proxy_tls_cipher $proxy_tls_verified $proxy_unique_id";
    await using site = await behindHaproxy(
      {
        bind: `ssl crt ${file}`,
        frontend: "    unique-id-format id-%ci\n",
        server: "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority,unique-id,crc32c",
      },
      { acls: { connect: `  deny message = ${shown}` } },
    );
    await using client = await site.connect();
    await client.secure();
    assert.match(await client.expect(550), /^550 ok mx\.test TLSv1\.3 TLS_AES_\S+ no id-127\.0\.0\.2\r\n$/);
  });

  test("that sends no header: the client is told", async () => {
    await using site = await behindHaproxy({ server: "" }, { main: "proxy_protocol_timeout = 1s\n" });
    await using client = await site.connect();
    // It does not wait for the greeting: no second has to pass.
    client.socket.write("EHLO c\r\n");
    await client.expect(220);
    await client.say("EHLO c\r\n", 503);
    await client.say("QUIT\r\n", 221);
  });
});
