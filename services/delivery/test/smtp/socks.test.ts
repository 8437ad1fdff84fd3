import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import type { OutgoingProxy } from "@postbus/policy";
import { freePort, makeCertificate, program, startSmtpPeer } from "@postbus/testkit";
import { SocksClient } from "../../src/smtp/socks-client.ts";
import { hostTerms, Rig, shown, smtpTransport } from "./rig.ts";
import { proxy, startSocks } from "./socks-server.ts";

describe("socks_proxy", () => {
  test("a message goes through the proxy, and the next one over the same connection", async () => {
    await using rig = new Rig();
    await using socks = await startSocks();
    await using peer = await startSmtpPeer();
    const transport = smtpTransport(peer.port, { terms: hostTerms({ proxies: [proxy(socks.port)] }) });
    for (let i = 0; i < 2; i++) assert.equal((await rig.deliver(transport)).results[0]?.outcome, "delivered");
    assert.deepEqual(socks.targets, [`127.0.0.1:${peer.port}`]);
    assert.equal(peer.messages.length, 2);
    const [result] = (await rig.deliver(transport)).results;
    assert.deepEqual([result?.proxyAddress, result?.proxyPort], ["127.0.0.1", socks.port]);
  });

  test("with a name and a password; not with the wrong one", async () => {
    await using rig = new Rig();
    await using socks = await startSocks({ login: "user:secret" });
    await using peer = await startSmtpPeer();
    const by = (password: string) =>
      smtpTransport(peer.port, {
        terms: hostTerms({ proxies: [proxy(socks.port, { login: { name: "user", password } })] }),
      });
    assert.equal((await rig.deliver(by("secret"))).results[0]?.outcome, "delivered");
    const { results } = await rig.deliver(by("wrong"));
    assert.match(shown(results[0]), /^deferred \(111\): authentication failed \(proxy 127\.0\.0\.1\)$/);
  });

  test("TLS goes through it, begun before the greeting or behind it", async () => {
    const { certificate, privateKey } = makeCertificate("mx.test");
    const tls = createSecureContext({ cert: certificate, key: privateKey });
    for (const startsWithTls of [true, false]) {
      await using rig = new Rig();
      await using socks = await startSocks();
      await using peer = await startSmtpPeer({ tls, startsWithTls });
      const terms = hostTerms({ proxies: [proxy(socks.port)] });
      const { results } = await rig.deliver(smtpTransport(peer.port, { startsWithTls, terms }));
      assert.equal(results[0]?.outcome, "delivered");
      assert.match(results[0]?.cipher ?? "", /^TLS/);
    }
  });

  test("proxies that are down are passed over; the one of the highest priority is first", async () => {
    await using rig = new Rig();
    await using last = await startSocks();
    await using first = await startSocks();
    await using peer = await startSmtpPeer();
    const dead = proxy(await freePort(), { priority: 9 });
    const proxies = [proxy(last.port), proxy(first.port, { priority: 5 }), dead];
    const { results } = await rig.deliver(smtpTransport(peer.port, { terms: hostTerms({ proxies }) }));
    assert.equal(results[0]?.outcome, "delivered");
    assert.equal(first.targets.length, 1);
    assert.equal(last.targets.length, 0);
  });

  test("a proxy that cannot reach the host is believed, and the host is at fault", async () => {
    await using rig = new Rig();
    await using socks = await startSocks({ reply: 5 });
    await using other = await startSocks();
    const proxies = [proxy(socks.port, { priority: 2 }), proxy(other.port)];
    const { results, notes } = await rig.deliver(smtpTransport(26, { terms: hostTerms({ proxies }) }));
    assert.equal(shown(results[0]), "deferred (111): Connection refused (proxy 127.0.0.1)");
    assert.deepEqual(notes, ["H=127.0.0.1 [127.0.0.1] Connection refused (proxy 127.0.0.1)"]);
    assert.equal(other.targets.length, 0);
  });

  test("a proxy that says nothing has its time", async () => {
    await using rig = new Rig();
    const mute = createServer(() => undefined);
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    const terms = hostTerms({ proxies: [proxy(port, { timeoutMs: 50 })] });
    const { results } = await rig.deliver(smtpTransport(26, { terms }));
    assert.match(shown(results[0]), /^deferred \(110\)/);
    mute.close();
  });
});

const microsocks = program("microsocks");
test("microsocks lets us through, with a name and a password", {
  skip: microsocks === undefined ? "microsocks is not on this machine (Debian: apt-get install microsocks)" : false,
}, async (t) => {
  const port = await freePort();
  const server = spawn(microsocks ?? "", ["-i", "127.0.0.1", "-p", String(port), "-u", "user", "-P", "secret"]);
  t.after(() => server.kill());
  await using rig = new Rig();
  await using peer = await startSmtpPeer();
  const by = (password: string) => {
    const proxies = [proxy(port, { login: { name: "user", password } })];
    return smtpTransport(peer.port, { terms: hostTerms({ proxies }) });
  };
  for (let tries = 0; tries < 600 && !(await isOpen(port)); tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await rig.deliver(by("secret"))).results[0]?.outcome, "delivered");
  assert.match(shown((await rig.deliver(by("wrong"))).results[0]), /^deferred .*\(proxy 127\.0\.0\.1\)$/);
});

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false; // Not up yet.
  } finally {
    socket.destroy();
  }
}

describe("the dialogue with a proxy (RFC 1928)", () => {
  const begun = (login?: OutgoingProxy["login"]) => {
    const client = new SocksClient({ login }, { address: "2001:db8::1", port: 25 });
    client.begin();
    return client;
  };

  test("an IPv6 address is its sixteen octets, however the replies are cut", () => {
    const client = begun();
    assert.equal(client.receive(Buffer.from([5])).kind, "more");
    const step = client.receive(Buffer.from([0]));
    assert.ok(step.kind === "write");
    assert.equal(step.octets.toString("hex"), `05010004${"20010db8000000000000000000000001"}0019`);
    assert.equal(client.receive(Buffer.from([5, 0, 0, 3, 1])).kind, "more");
    const open = client.receive(Buffer.from("x\0\x19220 hi", "latin1"));
    assert.ok(open.kind === "open");
    assert.equal(open.rest.toString(), "220 hi");
  });

  for (const [name, octets] of [
    ["another protocol", "4854"],
    ["another method", "0502"],
    ["no method", "05ff"],
  ] as const) {
    test(`${name} ends it`, () => assert.equal(begun().receive(Buffer.from(octets, "hex")).kind, "failed"));
  }
});
