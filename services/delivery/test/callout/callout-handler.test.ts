import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import type { CalloutAnswer, CalloutRequest } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";
import { makeCertificate, startSmtpPeer } from "@postbus/testkit";
import { pino } from "pino";
import { CalloutCache } from "../../src/callout/callout-cache.ts";
import { calloutHandler } from "../../src/callout/callout-handler.ts";
import { AddressCache } from "../../src/smtp/address-cache.ts";
import { clientContexts } from "../../src/smtp/client-contexts.ts";
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

/** Lines of the log. */
let logged: string[] = [];
beforeEach(() => {
  logged = [];
});

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
    record: (lines) => {
      for (const line of lines) if (line.name === "log:line") logged.push(line.text);
    },
    addresses: new AddressCache(),
    contexts: clientContexts(pino({ level: "silent" })),
    cache: new CalloutCache(new MemoryValues()),
  });
  return handler({ body: REQUEST, content: undefined, signal: new AbortController().signal });
}

const peerFor = (options: Parameters<typeof startSmtpPeer>[0] = {}) =>
  startSmtpPeer({ ...options, answer: ({ moment }) => (moment === "RCPT" ? "550 no such user" : undefined) });

const certificate = makeCertificate("127.0.0.1");
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

  describe("where the certificate has to be good", () => {
    const required = {
      verification: "required",
      verifiesName: false,
      authorities: certificate.certificateFile,
    } as const;
    const good = hostTerms(required);
    const bad = hostTerms({ ...required, authorities: makeCertificate("Somebody Else").certificateFile });
    const missing = hostTerms({ ...required, authorities: "/nonexistent/file" });
    const strict = hostTerms({ ...bad, tls: "required" });
    const line = /^\[127\.0\.0\.1\] SSL verify error: depth=0 error=self-signed certificate cert=\/CN=127\.0\.0\.1$/;
    const inClear =
      /^TLS session: certificate verification failed: .*: callout unencrypted to 127\.0\.0\.1 \[127\.0\.0\.1\] \(not in/;
    /** What the host says does not matter where it is not asked. */
    const rows: readonly [
      string,
      Partial<SmtpTransport>,
      isAsked: boolean,
      log: readonly RegExp[],
      STARTTLS?: string,
    ][] = [
      ["over TLS, where it is", { terms: good }, true, []],
      ["in the clear, where it is not", { terms: bad }, true, [line, inClear]],
      ["not, where TLS is required", { terms: strict }, false, [line]],
      ["not, where TLS is waited for", { terms: bad, triesClear: false }, false, [line]],
      ["not, where our own files are at fault", { terms: missing }, false, []],
      ["in the clear, where STARTTLS is refused", { terms: bad, triesClear: false }, true, [], "502 no"],
      ["in the clear, where STARTTLS is put off", { terms: bad }, true, [], "454 later"],
      ["not, where STARTTLS is put off and waited for", { terms: bad, triesClear: false }, false, [], "454 later"],
    ];
    for (const [name, changes, isAsked, log, reply] of rows) {
      test(`it is asked ${name}`, async () => {
        await using peer = await startSmtpPeer({
          tls,
          answer: ({ moment }) => (moment === "RCPT" ? "550 no such user" : moment === "STARTTLS" ? reply : undefined),
        });
        const answer = await ask(smtpTransport(peer.port, changes));
        assert.equal(answer.result, isAsked ? "bad" : "unknown");
        if (!isAsked) assert.match(answer.text ?? "", /^(?:callout: )?TLS session: /);
        assert.equal(logged.length, log.length, logged.join("\n"));
        for (const [i, pattern] of log.entries()) assert.match(logged[i] ?? "", pattern);
      });
    }
  });

  test("a host that speaks no TLS there cannot be asked", async () => {
    await using peer = await peerFor();
    const answer = await ask(smtpTransport(peer.port, { startsWithTls: true }));
    assert.partialDeepStrictEqual(answer, { result: "unknown", failure: "mail" });
    assert.match(answer.text ?? "", /^TLS session: /);
  });
});
