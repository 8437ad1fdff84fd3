import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import type { CalloutAnswer, CalloutRequest } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";
import { makeCertificate, startSmtpPeer } from "@postbus/testkit";
import { CalloutCache } from "../../src/callout/callout-cache.ts";
import { calloutHandler } from "../../src/callout/callout-handler.ts";
import { AddressCache } from "../../src/smtp/address-cache.ts";
import { MemoryValues } from "../autoreply/memory-values.ts";
import { hostTerms, smtpTransport } from "../smtp/rig.ts";
import { proxy, startSocks } from "../smtp/socks-server.ts";

const REQUEST: CalloutRequest = {
  v: 1,
  address: "u@b.test",
  mailFrom: "",
  transport: "t",
  connectTimeoutMs: 10_000,
  timeoutMs: 10_000,
  maxWaitMs: 20_000,
  postmaster: "no",
  postmasterMailFrom: "",
};

function ask(transport: SmtpTransport): Promise<CalloutAnswer> {
  const handler = calloutHandler({
    policy: () => ({
      primaryHostname: "mx.a.test",
      events: { main: undefined, ofTransport: () => undefined },
      transport: () => ({
        name: "t",
        driver: "smtp",
        maxRcpt: 100,
        hasOwnHosts: true,
        variables: undefined,
        at: () => transport,
      }),
    }),
    record: () => undefined,
    addresses: new AddressCache(),
    cache: new CalloutCache(new MemoryValues()),
  });
  return handler({ body: REQUEST, content: undefined, signal: new AbortController().signal });
}

const peerFor = (options: Parameters<typeof startSmtpPeer>[0] = {}) =>
  startSmtpPeer({ ...options, answer: ({ moment }) => (moment === "RCPT" ? "550 no such user" : undefined) });

const certificate = makeCertificate("peer.test");
const tls = createSecureContext({ cert: certificate.certificate, key: certificate.privateKey });

describe("a callout goes to a host as mail would", () => {
  test("through its proxy, and nowhere else", async () => {
    await using socks = await startSocks();
    await using peer = await peerFor();
    const transport = smtpTransport(peer.port, { terms: hostTerms({ proxies: [proxy(socks.port)] }) });
    assert.partialDeepStrictEqual(await ask(transport), { result: "bad", response: "550 no such user" });
    assert.deepEqual(socks.targets, [`127.0.0.1:${peer.port}`]);
  });

  test("a proxy that does not get there says nothing about the address", async () => {
    await using socks = await startSocks({ reply: 5 });
    await using peer = await peerFor();
    const transport = smtpTransport(peer.port, { terms: hostTerms({ proxies: [proxy(socks.port)] }) });
    assert.partialDeepStrictEqual(await ask(transport), { result: "unknown", failure: "mail" });
    assert.equal(peer.connectionCount, 0);
  });

  test("by LMTP", async () => {
    await using peer = await peerFor();
    assert.partialDeepStrictEqual(await ask(smtpTransport(peer.port, { isLmtp: true })), { result: "bad" });
    assert.deepEqual(peer.commands.slice(0, 3), ["LHLO mx.a.test", "MAIL FROM:<>", "RCPT TO:<u@b.test>"]);
  });

  test("over TLS from the first octet", async () => {
    await using peer = await peerFor({ tls, startsWithTls: true });
    assert.partialDeepStrictEqual(await ask(smtpTransport(peer.port, { startsWithTls: true })), { result: "bad" });
    assert.deepEqual(peer.commands.slice(0, 2), ["EHLO mx.a.test", "MAIL FROM:<>"]);
  });

  test("a host that speaks no TLS there cannot be asked", async () => {
    await using peer = await peerFor();
    const answer = await ask(smtpTransport(peer.port, { startsWithTls: true }));
    assert.partialDeepStrictEqual(answer, { result: "unknown", failure: "mail" });
    assert.match(answer.text ?? "", /^TLS session: /);
  });
});
