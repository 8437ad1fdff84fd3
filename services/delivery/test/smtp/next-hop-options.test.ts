import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import { makeCertificate, type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import { hostTerms, Rig, type SendOptions, shown, smtpTransport } from "./rig.ts";

const LOCAL = "127.0.0.1 [127.0.0.1]";
const AFTER = "SMTP error from remote mail server after";

interface Sent extends SendOptions {
  readonly transport?: Partial<SmtpTransport>;
  readonly terms?: Partial<HostTerms>;
}

async function one(options: SmtpPeerOptions, { transport = {}, terms = {}, ...send }: Sent = {}) {
  await using rig = new Rig();
  await using peer = await startSmtpPeer(options);
  const made = smtpTransport(peer.port, { commandTimeoutMs: 5_000, terms: hostTerms(terms), ...transport });
  const report = await rig.deliver(made, send);
  return { results: report.results.map(shown), plain: report.results, notes: report.notes, peer };
}

describe("the session is as the options say", () => {
  const cases: readonly (readonly [name: string, send: Sent, keywords: readonly string[], want: readonly string[]])[] =
    [
      ["hosts_avoid_esmtp", { terms: { avoidsEsmtp: true } }, ["SIZE"], ["HELO mx.a.test", "MAIL FROM:<s@a.test>"]],
      ["helo_data", { terms: { heloName: "other.test" } }, [], ["EHLO other.test", "MAIL FROM:<s@a.test>"]],
      [
        "size_addition = 0",
        { transport: { sizeAddition: 0 } },
        ["SIZE"],
        ["EHLO mx.a.test", "MAIL FROM:<s@a.test> SIZE=21"],
      ],
      ["size_addition = -1", { transport: { sizeAddition: -1 } }, ["SIZE"], ["EHLO mx.a.test", "MAIL FROM:<s@a.test>"]],
    ];
  for (const [name, send, keywords, want] of cases) {
    test(name, async () => {
      const { peer, results } = await one({ keywords }, send);
      assert.deepEqual(peer.commands.slice(0, want.length), want);
      assert.deepEqual(results, [`delivered H=${LOCAL} C="250 ok"`]);
    });
  }

  test("hosts_avoid_pipelining: one command at a time", async () => {
    let inFlight = 0;
    const options: SmtpPeerOptions = {
      keywords: ["PIPELINING"],
      answer: ({ moment }) => {
        if (moment === "MAIL" || moment === "RCPT") inFlight++;
        return undefined;
      },
    };
    const { plain } = await one(options, { terms: { avoidsPipelining: true }, recipients: ["a@b.test", "c@b.test"] });
    assert.equal(inFlight, 3);
    assert.equal(plain[0]?.isPipelined, undefined);
    assert.equal((await one(options)).plain[0]?.isPipelined, true);
  });

  test("authenticated_sender is told where AUTH is offered", async () => {
    const transport = { authenticatedSender: () => "who+1@a.test" };
    const offered = await one({ keywords: ["AUTH PLAIN"] }, { transport });
    assert.ok(offered.peer.commands.includes("MAIL FROM:<s@a.test> AUTH=who+2B1@a.test"));
    const not = await one({ keywords: [] }, { transport });
    assert.ok(not.peer.commands.includes("MAIL FROM:<s@a.test>"));
  });

  test("interface is where the connection comes from, and results say so", async () => {
    const { plain } = await one({}, { terms: { interfaces: ["::1", "127.0.0.9", "127.0.0.8"] } });
    assert.equal(plain[0]?.localAddress, "127.0.0.9");
    assert.ok((plain[0]?.localPort ?? 0) > 0);
  });

  test("what the host has said first is kept for reports, cut", async () => {
    const { plain } = await one({
      answer: ({ moment }) =>
        moment === "connect" ? `220 ${"x".repeat(300)}` : moment === "RCPT" ? "550 no" : undefined,
    });
    assert.equal(plain[0]?.greeting?.length, 128);
    assert.equal(plain[0]?.heloReply, "250-peer.test");
  });

  test("message_linelength_limit: longer lines fail before anybody is asked", async () => {
    const { results, peer } = await one({}, { transport: { lineLengthLimit: 4 } });
    assert.deepEqual(results, ["failed: message has lines too long for transport (received 10, limit 4)"]);
    assert.equal(peer.connectionCount, 0);
  });

  test("a host that is found to be this one gets nothing", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer();
    const own = { addresses: ["127.0.0.1"], ports: new Set([peer.port]) };
    const { results } = await rig.deliver(smtpTransport(peer.port, { own }));
    const text = "smarthost_smtp transport found host 127.0.0.1 to be local";
    assert.deepEqual(results.map(shown), [`deferred (-50) H=${LOCAL}: ${text}`]);
    assert.equal(peer.connectionCount, 0);
  });
});

describe("other hosts", () => {
  const deferring: SmtpPeerOptions = { answer: ({ moment }) => (moment === "RCPT" ? "450 later" : undefined) };

  test("fallback_hosts are asked when all others have deferred, the router's before the transport's", async () => {
    await using rig = new Rig();
    await using first = await startSmtpPeer(deferring);
    await using ofTransport = await startSmtpPeer();
    await using ofRouter = await startSmtpPeer();
    const fallbackHosts = [`127.0.0.1::${ofTransport.port}`];
    const transport = smtpTransport(first.port, { fallbackHosts });
    assert.equal((await rig.deliver(transport)).results[0]?.hostPort, ofTransport.port);
    const item = { fallbackHosts: `127.0.0.1::${ofRouter.port}` };
    assert.equal((await rig.deliver(transport, { item })).results[0]?.hostPort, ofRouter.port);
  });

  test("fallback_hosts are not asked when a recipient was refused for good", async () => {
    await using rig = new Rig();
    await using first = await startSmtpPeer({ answer: ({ moment }) => (moment === "RCPT" ? "550 no" : undefined) });
    await using fallback = await startSmtpPeer();
    const transport = smtpTransport(first.port, { fallbackHosts: [`127.0.0.1::${fallback.port}`] });
    assert.equal((await rig.deliver(transport)).results[0]?.outcome, "failed");
    assert.equal(fallback.connectionCount, 0);
  });

  test("hosts_max_try is how many are asked", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer(deferring);
    const hosts = Array.from({ length: 4 }, () => `127.0.0.1::${peer.port}`);
    await rig.deliver(smtpTransport(0, { hosts, maxTry: 2 }));
    assert.equal(peer.commands.filter((line) => line.startsWith("RCPT")).length, 2);
    await rig.deliver(smtpTransport(0, { hosts, maxTry: 4, maxTryHard: 3 }));
    assert.equal(peer.commands.filter((line) => line.startsWith("RCPT")).length, 5);
  });

  test("hosts_randomize keeps the groups in their order", async () => {
    await using rig = new Rig();
    await using a = await startSmtpPeer(deferring);
    await using b = await startSmtpPeer();
    const hosts = [...Array.from({ length: 3 }, () => `127.0.0.1::${a.port}`), "+", `127.0.0.1::${b.port}`];
    for (let i = 0; i < 3; i++) await rig.deliver(smtpTransport(0, { hosts, randomizesHosts: true }));
    assert.equal(a.commands.filter((line) => line.startsWith("RCPT")).length, 9);
    assert.equal(b.messages.length, 3);
  });

  test("serialize_hosts: one connection to a host, whatever waits", async () => {
    await using rig = new Rig();
    let open = 0;
    let most = 0;
    await using peer = await startSmtpPeer({
      answer: ({ moment }) => {
        if (moment === "connect") most = Math.max(most, ++open);
        if (moment === "QUIT") open--;
        return moment === "end of data" ? { reply: "250 ok", afterMs: 120 } : undefined;
      },
    });
    const transport = smtpTransport(peer.port, { finalTimeoutMs: 10_000, terms: hostTerms({ isSerialized: true }) });
    await Promise.all(Array.from({ length: 6 }, () => rig.deliver(transport)));
    assert.equal(most, 1);
    assert.equal(peer.messages.length, 6);
  });

  test("a 4xx to RCPT, to MAIL or to the end of data is no error of the host; one to EHLO is", async () => {
    const errorsOf = async (moment: string, reply = "451 x") => {
      const { plain } = await one({ answer: (question) => (question.moment === moment ? reply : undefined) });
      const [result] = plain;
      assert.ok(result?.outcome === "deferred");
      return [result.isHostError, result.replyDigits];
    };
    assert.deepEqual(await errorsOf("RCPT"), [undefined, 51]);
    assert.deepEqual(await errorsOf("MAIL"), [undefined, 51]);
    assert.deepEqual(await errorsOf("end of data"), [undefined, 51]);
    assert.deepEqual(await errorsOf("connect", "421 x"), [true, 21]);
    assert.deepEqual(await errorsOf("EHLO", "421 x"), [true, 21]);
  });
});

describe("content in chunks (RFC 3030)", () => {
  const CHUNKING = ["PIPELINING", "CHUNKING"];

  test("goes without dots and their doubling, and the log can say so", async () => {
    const { peer, results, plain } = await one(
      { keywords: CHUNKING },
      { content: { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\n.\r\n..y\r\nlast") } },
    );
    assert.deepEqual(results, [`delivered H=${LOCAL} C="250 ok"`]);
    assert.equal(peer.messages[0]?.content, "Subject: x\r\n\r\n.\r\n..y\r\nlast\r\n");
    assert.deepEqual(peer.commands.slice(1, 4), ["MAIL FROM:<s@a.test>", "RCPT TO:<r@b.test>", "BDAT 28 LAST"]);
    assert.equal(plain[0]?.isChunked, true);
  });

  test("a large content goes in several, as it is read", async () => {
    await using rig = new Rig({ spool: { read: () => pieces() } });
    await using peer = await startSmtpPeer({ keywords: CHUNKING });
    const content = { kind: "spooled" as const, reference: {} as never, size: 30 };
    const { results } = await rig.deliver(smtpTransport(peer.port), { content: content as never });
    assert.deepEqual(results.map(shown), [`delivered H=${LOCAL} C="250 ok"`]);
    assert.equal(peer.messages[0]?.content, "A: b\r\n\r\n.one\r\ntwo\r\n");
    assert.deepEqual(
      peer.commands.filter((line) => line.startsWith("BDAT")),
      ["BDAT 12", "BDAT 5", "BDAT 2 LAST"],
    );
  });

  async function* pieces() {
    yield Buffer.from("A: b\r\n\r\n.one\r");
    yield Buffer.from("\ntwo");
  }

  test("a refused chunk is the message's error", async () => {
    for (const [reply, want] of [
      ["552 too large", `failed H=${LOCAL}: ${AFTER} pipelined end of data: 552 too large`],
      ["451 later", `deferred (-46) H=${LOCAL}: ${AFTER} pipelined end of data: 451 later`],
    ]) {
      const { results } = await one({
        keywords: CHUNKING,
        answer: ({ moment }) => (moment === "BDAT" ? reply : undefined),
      });
      assert.deepEqual(results, [want]);
    }
  });

  test("not with a host that is not in hosts_try_chunking", async () => {
    const { peer } = await one({ keywords: CHUNKING }, { terms: { triesChunking: false } });
    assert.ok(peer.commands.includes("DATA"));
  });
});

describe("TLS as the options say", () => {
  const authority = makeCertificate("authority.test", { isAuthority: true });
  const contextFor = (name: string, issuer?: typeof authority) => {
    const { certificate, privateKey } = makeCertificate(name, issuer === undefined ? {} : { issuer });
    return createSecureContext({ cert: certificate, key: privateKey });
  };
  const good = contextFor("mx.test", authority);
  const item = { hosts: ["mx.test"], hostAddresses: ["127.0.0.1"] };
  const terms = { authorities: authority.certificateFile };

  test("smtps: TLS comes before the greeting", async () => {
    const { results, plain, peer } = await one(
      { tls: good, startsWithTls: true },
      { transport: { startsWithTls: true } },
    );
    assert.deepEqual(results, [`delivered H=${LOCAL} C="250 ok"`]);
    assert.match(plain[0]?.cipher ?? "", /^TLS1\.3:/);
    assert.deepEqual(peer.commands.slice(0, 2), ["EHLO mx.a.test", "MAIL FROM:<s@a.test> SIZE=1045"]);
  });

  const verified: readonly (readonly [name: string, terms: Partial<HostTerms>, context: typeof good, want: object])[] =
    [
      [
        "a good one, looked at",
        { verification: "optional" },
        good,
        { certificateVerified: true, peerName: "/CN=mx.test" },
      ],
      ["a good one, not looked at", { verification: "none" }, good, { certificateVerified: false }],
      [
        "one for another name, where names count",
        { verification: "optional" },
        contextFor("other.test", authority),
        { certificateVerified: false, peerName: "/CN=other.test" },
      ],
      [
        "one for another name, where names do not count",
        { verification: "required", verifiesName: false },
        contextFor("other.test", authority),
        { certificateVerified: true },
      ],
    ];
  for (const [name, changes, tls, want] of verified) {
    test(`a certificate: ${name}`, async () => {
      const { plain } = await one({ tls }, { item, terms: { ...terms, ...changes } });
      assert.partialDeepStrictEqual(plain[0], { outcome: "delivered", ...want });
    });
  }

  test("what is wrong with a certificate is in the log, in Exim's words", async () => {
    const own = await one({ tls: contextFor("other.test") }, { terms: { ...terms, verification: "optional" } });
    assert.deepEqual(own.notes, [
      "[127.0.0.1] SSL verify error: depth=0 error=self-signed certificate cert=/CN=other.test",
    ]);
    const named = await one(
      { tls: contextFor("other.test", authority) },
      { terms: { ...terms, verification: "optional" } },
    );
    assert.deepEqual(named.notes, [
      '[127.0.0.1] SSL verify error: certificate name mismatch: DN="/CN=other.test" H="127.0.0.1"',
    ]);
  });

  test("a certificate that has to be good and is not: clear text, or nothing where TLS is required", async () => {
    const bad = contextFor("other.test");
    const wants = { ...terms, verification: "required" as const };
    const clear = await one({ tls: bad }, { terms: wants });
    assert.deepEqual(clear.results, [`delivered H=${LOCAL} C="250 ok"`]);
    assert.match(
      clear.notes.join("\n"),
      /delivering unencrypted to H=127.0.0.1 \[127.0.0.1\] \(not in hosts_require_tls\)/,
    );
    const required = await one({ tls: bad }, { terms: { ...wants, tls: "required" } });
    assert.match(required.results[0] ?? "", /^deferred \(-37\).*TLS session: certificate verification failed/);
    const patient = await one({ tls: bad }, { terms: wants, transport: { triesClear: false } });
    assert.match(patient.results[0] ?? "", /^deferred \(-37\)/);
  });

  test("hosts_avoid_tls: no STARTTLS", async () => {
    const { peer } = await one({ tls: good }, { terms: { tls: "never" } });
    assert.ok(!peer.commands.includes("STARTTLS"));
  });

  test("a 4xx to STARTTLS, with tls_tempfail_tryclear and without", async () => {
    const answer: SmtpPeerOptions["answer"] = ({ moment }) => (moment === "STARTTLS" ? "454 later" : undefined);
    assert.match((await one({ tls: good, answer })).results[0] ?? "", /^delivered/);
    const patient = await one({ tls: good, answer }, { transport: { triesClear: false } });
    assert.deepEqual(patient.results, [`deferred (0) H=${LOCAL}: ${AFTER} STARTTLS: 454 later`]);
  });

  test("files of ours that cannot be read defer, and do not lead to clear text", async () => {
    const { results, peer } = await one({ tls: good }, { terms: { certificate: "/nonexistent.pem" } });
    assert.match(
      results[0] ?? "",
      /^deferred \(-37\).*TLS session: tls_certificate: \/nonexistent.pem: cannot be read/,
    );
    assert.deepEqual(peer.messages, []);
  });

  test("hosts_require_alpn: a host that agrees to no protocol gets nothing", async () => {
    const wants = { protocols: ["smtp"], requiresProtocol: true, tls: "required" as const };
    const { results } = await one({ tls: good }, { terms: wants });
    assert.match(results[0] ?? "", /^deferred \(-37\).*has not agreed to any protocol of tls_alpn/);
  });
});
