import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Received, Rejected, RouteItem } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway, type TestOptions, type TestPolicy } from "../start-test-gateway.ts";
import type { TestClient } from "../test-client.ts";

const HEADER = "PROXY TCP4 198.51.100.7 203.0.113.9 40000 25\r\n";
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const BINARY = `${SIGNATURE}\x21\x11\0\x0c\xc6\x33\x64\x07\xcb\0\x71\x09\x9c\x40\0\x19`;
const LOCAL = `${SIGNATURE}\x20\0\0\0`;
const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
const REFUSED = "503 Command refused, required Proxy negotiation failed\r\n";
/** Longer than any test. */
const PATIENT = 600_000;

const gatewayBehind = (policy: TestPolicy = {}, more: Omit<TestOptions, "policy"> = {}): Promise<TestGateway> =>
  startTestGateway({
    ...more,
    policy: {
      ...policy,
      main: `hosts_proxy = 127.0.0.1\n${policy.main ?? ""}`,
      smtp: { proxyTimeoutMs: PATIENT, ...policy.smtp },
    },
  });

/** Without waiting for the greeting, which comes behind the header only. */
async function proxied(gateway: TestGateway, header: string): Promise<TestClient> {
  const client = await gateway.connect();
  client.socket.write(header, "latin1");
  return client;
}

const rejected = async (gateway: TestGateway): Promise<Rejected> =>
  Value.Parse(Rejected, await gateway.event(({ name }) => name === "smtp:reject"));

const headersCounted = async ({ metrics }: TestGateway): Promise<Record<string, number>> => {
  const text = await metrics.metrics();
  const lines = text.matchAll(/postbus_gateway_proxy_headers_total\{result="(\w+)"\} (\d+)/g);
  return Object.fromEntries([...lines].map(([, result = "", count]) => [result, Number(count)]));
};

const untilNobodyIsThere = async ({ metrics }: TestGateway): Promise<void> => {
  while (!(await metrics.metrics()).includes("postbus_gateway_connections 0\n")) await setImmediate();
};

describe("a client behind a proxy", () => {
  for (const [name, header] of Object.entries({ HEADER, BINARY })) {
    test(`is the sender of its mail: ${name}`, async () => {
      await using gateway = await gatewayBehind();
      await using client = await proxied(gateway, header);
      await client.expect(220);
      assert.match(await client.say("EHLO client.example\r\n", 250), /Hello client\.example \[198\.51\.100\.7\]/);
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say("Subject: x\r\n\r\n.\r\n", 250);
      const { header: item, content } = await gateway.taken();
      const { reception } = Value.Parse(RouteItem, item);
      assert.equal(reception.clientAddress, "198.51.100.7");
      assert.equal(reception.clientPort, 40_000);
      assert.match(content, /^Received: from client\.example \(\[198\.51\.100\.7\]\)/);
      assert.doesNotMatch(
        JSON.stringify(item) + content,
        /127\.0\.0\.1|203\.0\.113\.9/,
        "nobody needs to know the proxy",
      );
      assert.deepEqual(await headersCounted(gateway), { ok: 1 });
    });
  }

  test("that may talk early loses none of its octets", async () => {
    await using gateway = await gatewayBehind({ main: "smtp_enforce_sync = false\n" });
    await using client = await proxied(gateway, `${BINARY}EHLO c\r\nQUIT\r\n`);
    await client.expect(220);
    assert.match(await client.expect(250), /\[198\.51\.100\.7\]/);
    await client.expect(221);
  });

  test("closes its side behind QUIT and is answered, all in one segment", async () => {
    await using gateway = await gatewayBehind({ main: "smtp_enforce_sync = false\n" });
    await using client = await gateway.connect();
    client.socket.end(`${HEADER}QUIT\r\n`, "latin1");
    await client.expect(220);
    await client.expect(221);
    await client.ended();
  });

  test("has an IPv4 address also where the proxy writes it as one of IPv6", async () => {
    await using gateway = await gatewayBehind({
      acls: { connect: "  deny message = $sender_host_address $proxy_external_address" },
    });
    await using client = await proxied(gateway, "PROXY TCP6 ::ffff:198.51.100.7 ::FFFF:203.0.113.9 1 2\r\n");
    assert.equal(await client.expect(550), "550 198.51.100.7 203.0.113.9\r\n");
  });

  test("speaks TLS with us, not with the proxy", async () => {
    const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
    const main = `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}`;
    await using gateway = await gatewayBehind({ main });
    await using client = await proxied(gateway, HEADER);
    await client.expect(220);
    await client.say("EHLO c\r\n", 250);
    await client.startTls();
    assert.match(await client.say("EHLO c\r\n", 250), /\[198\.51\.100\.7\]/);
  });
});

describe("the ACL for connections", () => {
  const TOLD =
    "$sender_host_address:$sender_host_port $proxy_session $proxy_host_address $proxy_external_address:$proxy_target_port $proxy_result";
  const told = async (gateway: TestGateway, header: string): Promise<string> => {
    await using client = await proxied(gateway, header);
    return (await client.expect(550)).trimEnd();
  };
  const cases = [
    { name: "a header", header: HEADER, want: "550 198.51.100.7:40000 yes 127.0.0.1 203.0.113.9:25 ok" },
    { name: "LOCAL", header: LOCAL, want: "550 127.0.0.1:# yes  :0 local" },
    { name: "UNKNOWN", header: "PROXY UNKNOWN\r\n", want: "550 127.0.0.1:# yes  :0 local" },
    {
      name: "a header that ends in a wrong port",
      header: HEADER.replace("25", "0"),
      want: "550 127.0.0.1:# yes  :0 failed",
    },
  ];
  for (const { name, header, want } of cases) {
    test(`sees ${name}`, async () => {
      await using gateway = await gatewayBehind({ acls: { connect: `  deny message = ${TOLD}` } });
      assert.equal((await told(gateway, header)).replace(/127\.0\.0\.1:\d+/, "127.0.0.1:#"), want);
    });
  }

  test("sees our own address behind the proxy", async () => {
    await using gateway = await gatewayBehind({
      acls: { connect: "  deny message = $received_ip_address:$received_port" },
    });
    assert.equal(await told(gateway, HEADER), `550 127.0.0.1:${gateway.port}`);
  });

  test("sees the client where hosts_proxy has to be looked up first", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "postbus-proxy-"));
    t.after(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, "proxies"), "127.0.0.1: 127.0.0.0/8\n");
    const list = `hosts_proxy = \${lookup{$sender_host_address}lsearch{${join(directory, "proxies")}}}\n`;
    await using gateway = await startTestGateway({
      policy: { main: list, acls: { connect: `  deny message = ${TOLD}` } },
    });
    assert.equal(await told(gateway, HEADER), "550 198.51.100.7:40000 yes 127.0.0.1 203.0.113.9:25 ok");
  });
});

describe("a proxy that sends no header", () => {
  const cases = [
    { name: "says nothing in time", early: "", why: "no header in time", result: "timeout" },
    { name: "says half of one", early: "PROXY TCP4 198", why: "not a whole header in time", result: "timeout" },
    { name: "ends it with LF", early: "PROXY UNKNOWN\n", why: "not a whole header in time", result: "timeout" },
    {
      name: "breaks off a header that is too long",
      early: `${SIGNATURE}\x21\x11\xff\xffabc`,
      why: "65551 octets",
      result: "invalid",
    },
  ];
  for (const { name, early, why, result } of cases) {
    test(`${name}: greeted, and refused until QUIT`, async () => {
      const isLate = result === "timeout" || early.includes("\xff");
      // What is said must be there by then.
      const proxyTimeoutMs = isLate ? (early === "" ? 20 : 500) : PATIENT;
      await using gateway = await gatewayBehind({ smtp: { proxyTimeoutMs } });
      await using client = await proxied(gateway, early);
      await client.expect(220);
      assert.equal(await client.say("EHLO c\r\n", 503), REFUSED);
      assert.equal(await client.say("MAIL FROM:<>\r\nNOOP\r\n", 503, 503), REFUSED);
      assert.match(await client.say("QUIT\r\n", 221), /closing connection/);
      await client.ended();
      assert.partialDeepStrictEqual(await rejected(gateway), {
        clientAddress: "127.0.0.1",
        text: `required Proxy negotiation failed: ${why}`,
      });
      assert.deepEqual(await headersCounted(gateway), { [result]: 1 });
    });
  }

  test("is not heard on what belongs to its wrong header, in however many segments that comes", async () => {
    await using gateway = await gatewayBehind();
    await using client = await proxied(gateway, `${SIGNATURE}\x21\x11\x40\0`);
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => client.socket.write(Buffer.alloc(4_096, "QUIT\r\n"), resolve));
      await setImmediate();
    }
    await client.expect(220);
    await client.say("NOOP\r\n", 503);
    await client.say("QUIT\r\n", 221);
  });

  test("but goes away in silence is nothing to tell; in the middle of a header it is", async () => {
    await using gateway = await gatewayBehind();
    (await gateway.connect()).socket.end();
    (await gateway.connect()).socket.resetAndDestroy();
    await untilNobodyIsThere(gateway);
    assert.deepEqual(await headersCounted(gateway), {});
    (await gateway.connect()).socket.end("PROXY ");
    const { text } = await rejected(gateway);
    assert.equal(text, "required Proxy negotiation failed: the connection was closed in the middle of it");
    await untilNobodyIsThere(gateway);
  });

  test("keeps no gateway from stopping", async () => {
    await using gateway = await gatewayBehind();
    await using client = await proxied(gateway, "PROXY ");
    await gateway.part.stop();
    await client.ended();
  });
});

describe("a probe", () => {
  const RELAY = { rcpt: "  accept hosts = 127.0.0.1\n  accept domains = example.org" };

  test("is a quiet session with the proxy itself, which may send mail and not relay", async () => {
    await using gateway = await gatewayBehind({ acls: RELAY, main: "log_selector = +proxy\n" });
    await using probe = await proxied(gateway, LOCAL);
    await probe.expect(220);
    assert.match(await probe.say("EHLO probe\r\n", 250), /\[127\.0\.0\.1\]/);
    await probe.say("MAIL FROM:<>\r\nRCPT TO:<a@elsewhere.example>\r\n", 250, 550);
    await probe.say("RCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 354);
    await probe.say("Subject: x\r\n\r\n.\r\nQUIT\r\n", 250, 221);
    const event = Value.Parse(Received, await gateway.event(({ name }) => name === "msg:received"));
    assert.equal(event.proxyAddress, undefined);
    assert.equal(event.reception.clientAddress, "127.0.0.1");
    assert.deepEqual(await headersCounted(gateway), { local: 1 });
  });

  test("leaves no line in the log", async () => {
    await using gateway = await gatewayBehind();
    for (const header of [LOCAL, "PROXY UNKNOWN\r\n"]) {
      await using probe = await proxied(gateway, header);
      await probe.expect(220);
      await probe.say("QUIT\r\n", 221);
    }
    (await proxied(gateway, LOCAL)).socket.resetAndDestroy();
    await untilNobodyIsThere(gateway);
    await using other = await proxied(gateway, "EHLO c\r\n");
    await other.expect(220);
    assert.match(
      (await rejected(gateway)).text,
      /no PROXY header/,
      "the first line is about the first who is no probe",
    );
  });
});

describe("limits", () => {
  const from = (address: string): string => HEADER.replace("198.51.100.7", address);

  test("for one host are about clients, not about the proxy of them all", async () => {
    await using gateway = await gatewayBehind({ smtp: { acceptMaxPerHost: 1 } });
    const first = await proxied(gateway, from("198.51.100.1"));
    await first.expect(220);
    await using second = await proxied(gateway, from("198.51.100.2"));
    await second.expect(220);
    await using again = await proxied(gateway, from("198.51.100.1"));
    assert.match(await again.expect(421), /from this IP address/);
    await again.ended();
    for (const client of [first, second, again]) client.socket.destroy();
    await untilNobodyIsThere(gateway);
    await using free = await proxied(gateway, from("198.51.100.1"));
    await free.expect(220);
  });

  test("for all are about those, too, who have not said yet who they are", async () => {
    await using gateway = await gatewayBehind({ smtp: { acceptMax: 1 } });
    const silent = await gateway.connect();
    while (!(await gateway.metrics.metrics()).includes("postbus_gateway_connections 1\n")) await setImmediate();
    await using second = await proxied(gateway, HEADER);
    assert.match(await second.expect(421), /Too many concurrent SMTP connections;/);
    silent.socket.destroy();
    await untilNobodyIsThere(gateway);
    await using third = await proxied(gateway, HEADER);
    await third.expect(220);
  });
});

describe("log_selector = +proxy", () => {
  const send = async (main: string, header: string): Promise<Received> => {
    await using gateway = await gatewayBehind({ main });
    await using client = await proxied(gateway, header);
    await client.expect(220);
    await client.say("EHLO c\r\n", 250);
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say("Subject: x\r\n\r\n.\r\n", 250);
    return Value.Parse(Received, await gateway.event(({ name }) => name === "msg:received"));
  };

  test("tells the proxy's address, and without it nobody does", async () => {
    assert.equal((await send("log_selector = +proxy\n", HEADER)).proxyAddress, "127.0.0.1");
    assert.equal((await send("", HEADER)).proxyAddress, undefined);
  });
});
