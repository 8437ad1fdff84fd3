import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import type { OutgoingProxy } from "@postbus/policy";
import { freePort, makeCertificate, program, startHaproxy, startSmtpPeer } from "@postbus/testkit";
import { proxyHeader } from "../../src/smtp/proxy-header.ts";
import { hostTerms, Rig, shown, smtpTransport } from "./rig.ts";
import { proxy } from "./socks-server.ts";

const egress = (port: number, changes: Partial<OutgoingProxy> = {}) => proxy(port, { protocol: "haproxy", ...changes });

/** Connects to where the header says. @param words Behind that server. */
const startEgress = (words = "") =>
  startHaproxy({
    serverPort: 1,
    server: "backup",
    bind: "accept-proxy",
    backend: `    server target 0.0.0.0 ${words}\n`,
  });

describe("haproxy_egress", { skip: program("haproxy") === undefined && "haproxy is not on this machine" }, () => {
  test("messages go through HAProxy to the host, over one connection, with TLS and without", async () => {
    const haproxy = await startEgress();
    try {
      const { certificate, privateKey } = makeCertificate("mx.test");
      const tls = createSecureContext({ cert: certificate, key: privateKey });
      for (const options of [{}, { tls }, { tls, startsWithTls: true }]) {
        await using rig = new Rig();
        await using peer = await startSmtpPeer(options);
        const terms = hostTerms({ proxies: [egress(haproxy.port)] });
        const transport = smtpTransport(peer.port, { startsWithTls: options.startsWithTls ?? false, terms });
        for (let i = 0; i < 2; i++) {
          const [result] = (await rig.deliver(transport)).results;
          assert.equal(result?.outcome, "delivered");
          assert.deepEqual([result.proxyAddress, result.proxyPort], ["127.0.0.1", haproxy.port]);
          assert.equal(result.cipher !== undefined, options.tls !== undefined);
        }
        assert.equal(peer.connectionCount, 1);
      }
    } finally {
      await haproxy.stop();
    }
  });

  test("it is told where the connection is to come from", async () => {
    const lines: string[] = [];
    const server = createServer((socket) => {
      socket.once("data", (octets: Buffer) => {
        lines.push(octets.toString("latin1").split("\r\n")[0] ?? "");
        socket.end("421 not now\r\n");
      });
      socket.on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const haproxy = await startEgress("send-proxy");
    try {
      for (const interfaces of [["2001:db8::7", "192.0.2.7"], []]) {
        await using rig = new Rig();
        const terms = hostTerms({ interfaces, proxies: [egress(haproxy.port)] });
        const [result] = (await rig.deliver(smtpTransport(port, { terms }))).results;
        assert.equal(result?.outcome, "deferred");
      }
      assert.deepEqual(lines, [`PROXY TCP4 192.0.2.7 127.0.0.1 0 ${port}`, `PROXY TCP4 0.0.0.0 127.0.0.1 0 ${port}`]);
    } finally {
      await haproxy.stop();
      server.close();
    }
  });

  test("a host that HAProxy does not reach, and a HAProxy that is away, put the message off", async () => {
    const haproxy = await startEgress();
    try {
      await using rig = new Rig();
      const closed = await freePort();
      const toClosed = smtpTransport(closed, { terms: hostTerms({ proxies: [egress(haproxy.port)] }) });
      assert.match(shown((await rig.deliver(toClosed)).results[0]), /^deferred/);
      const away = smtpTransport(closed, { terms: hostTerms({ proxies: [egress(closed)] }) });
      assert.match(shown((await rig.deliver(away)).results[0]), /^deferred \(111\): .*\(proxy 127\.0\.0\.1\)$/);
    } finally {
      await haproxy.stop();
    }
  });
});

test("a PROXY header of version 2", () => {
  const signature = "0d0a0d0a000d0a515549540a";
  const v4 = proxyHeader({ address: "198.51.100.1", port: 25 }, "192.0.2.7").toString("hex");
  assert.equal(v4, `${signature}2111000cc0000207c633640100000019`);
  const v6 = proxyHeader({ address: "2001:db8::1", port: 465 }, undefined).toString("hex");
  assert.equal(v6, `${signature}21210024${"0".repeat(32)}20010db8${"0".repeat(23)}1000001d1`);
});
