import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import type { DeliveryItem } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";
import { freePort, makeCertificate, type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import { inline, Rig, shown, smtpTransport } from "./rig.ts";

const authority = makeCertificate("authority.test", { isAuthority: true });
const contextFor = (name: string, issuer?: typeof authority) => {
  const { certificate, privateKey } = makeCertificate(name, issuer === undefined ? {} : { issuer });
  return createSecureContext({ cert: certificate, key: privateKey });
};
const good = contextFor("mx.test", authority);
const OFFERED = ["PIPELINING", "SIZE", "DSN", "REQUIRETLS"];
const able: SmtpPeerOptions = { tls: good, keywords: OFFERED };
const withoutWord: SmtpPeerOptions = { tls: good, keywords: ["PIPELINING", "SIZE"] };
const HOST = "mx.test [127.0.0.1]";
const LACKS_WORD = "REQUIRETLS support is required from the server but it was not offered";
const LACKS_TLS = "a TLS session is required, but the server did not offer TLS support";
const NO_REQUIRETLS = "550 5.7.30 REQUIRETLS support required";
const NO_TLS = "550 5.7.10 Encryption needed";

const transport = (changes: Partial<SmtpTransport> = {}): SmtpTransport =>
  smtpTransport(25, { authorities: authority.certificateFile, commandTimeoutMs: 10_000, ...changes });

interface Sent {
  readonly rig?: Rig;
  readonly transport?: SmtpTransport;
  readonly item?: Partial<DeliveryItem>;
  readonly content?: string;
}

/** A message with REQUIRETLS to hosts of one name, in this order. */
async function sent(ports: readonly number[], { rig = new Rig(), transport: by = transport(), ...rest }: Sent = {}) {
  const item: Partial<DeliveryItem> = {
    requireTls: true,
    hosts: ports.map((port) => `mx.test::${port}`),
    hostAddresses: ports.map(() => "127.0.0.1"),
    ...rest.item,
  };
  const { results, notes } = await rig.deliver(by, { item, ...(rest.content && { content: inline(rest.content) }) });
  const [result] = results;
  const ownReply = result?.outcome === "failed" ? result.ownReply : undefined;
  return { result: shown(result), ownReply, notes };
}

const mails = (commands: readonly string[]) => commands.filter((line) => line.startsWith("MAIL"));

describe("a message with REQUIRETLS (RFC 8689)", () => {
  test("goes to a host that shows that it is the right one, and is asked the same", async () => {
    await using peer = await startSmtpPeer(able);
    const { result } = await sent([peer.port], { item: { notification: { ret: "HDRS" } } });
    assert.equal(result, `delivered H=${HOST} C="250 ok"`);
    assert.match(mails(peer.commands).join(), /^MAIL FROM:<s@a\.test> SIZE=\d+ REQUIRETLS RET=HDRS$/);
    assert.equal(peer.messages[0]?.isTls, true);
  });

  const cases: readonly [
    name: string,
    peer: SmtpPeerOptions,
    changes: Partial<SmtpTransport>,
    text: string,
    reply: string,
  ][] = [
    ["no TLS", { keywords: OFFERED }, {}, LACKS_TLS, NO_TLS],
    [
      "TLS refused for good",
      { ...able, answer: ({ moment }) => (moment === "STARTTLS" ? "502 no" : undefined) },
      {},
      "a TLS session is required, but an attempt to start TLS failed",
      NO_TLS,
    ],
    ["TLS without the word", withoutWord, {}, LACKS_WORD, NO_REQUIRETLS],
    ["the word in clear text only", { ...able, keywords: [] }, {}, LACKS_WORD, NO_REQUIRETLS],
    [
      "a certificate of its own",
      { ...able, tls: contextFor("mx.test") },
      {},
      "TLS session: certificate verification failed: depth zero self signed cert",
      NO_TLS,
    ],
    [
      "a certificate for another name",
      { ...able, tls: contextFor("other.test", authority) },
      {},
      'TLS session: certificate name mismatch: DN="/CN=other.test" H="mx.test"',
      NO_TLS,
    ],
    [
      "a certificate, and nobody is believed",
      able,
      { authorities: "" },
      "TLS session: certificate verification failed: unable to verify leaf signature",
      NO_TLS,
    ],
    [
      "TLS without the word, by the policy that asks for no certificate",
      { ...withoutWord, tls: contextFor("x.test") },
      { verifiesRequireTls: false },
      LACKS_WORD,
      NO_REQUIRETLS,
    ],
  ];
  for (const [name, options, changes, text, reply] of cases) {
    test(`comes back from a host with ${name}`, async () => {
      await using peer = await startSmtpPeer(options);
      const end = await sent([peer.port], { transport: transport(changes) });
      assert.equal(end.result, `failed H=${HOST}: ${text}`);
      assert.equal(end.ownReply, reply);
      assert.deepEqual(end.notes, [`H=${HOST}: ${text}`]);
      assert.deepEqual(mails(peer.commands), []);
    });
  }

  test("needs no certificate with requiretls_policy = offered", async () => {
    await using peer = await startSmtpPeer({ ...able, tls: contextFor("x.test") });
    const { result } = await sent([peer.port], { transport: transport({ verifiesRequireTls: false }) });
    assert.equal(result, `delivered H=${HOST} C="250 ok"`);
    assert.match(mails(peer.commands).join(), / REQUIRETLS$/);
  });

  test("goes to the second host if the first one lacks something", async () => {
    await using first = await startSmtpPeer(withoutWord);
    await using second = await startSmtpPeer(able);
    const { result, notes } = await sent([first.port, second.port]);
    assert.equal(result, `delivered H=${HOST} C="250 ok"`);
    assert.deepEqual(notes, [`H=${HOST}: ${LACKS_WORD}`]);
    assert.equal(first.messages.length, 0);
  });

  test("waits while a host that cannot be asked may be better", async () => {
    await using lacking = await startSmtpPeer(withoutWord);
    const dead = await freePort();
    for (const ports of [
      [dead, lacking.port],
      [lacking.port, dead],
    ]) {
      assert.match((await sent(ports)).result, /^deferred/);
    }
  });

  const passing: readonly [name: string, options: SmtpPeerOptions][] = [
    ["TLS is refused for now", { ...able, answer: ({ moment }) => (moment === "STARTTLS" ? "454 later" : undefined) }],
    ["the greeting is 4xx", { ...able, answer: ({ moment }) => (moment === "connect" ? "421 later" : undefined) }],
    [
      "the connection breaks in the handshake",
      { ...able, answer: ({ moment }) => (moment === "STARTTLS" ? { reply: "220 go", close: true } : undefined) },
    ],
    ["MAIL is refused for now", { ...able, answer: ({ moment }) => (moment === "MAIL" ? "450 later" : undefined) }],
  ];
  for (const [name, options] of passing) {
    test(`waits where ${name}`, async () => {
      await using peer = await startSmtpPeer(options);
      assert.match((await sent([peer.port])).result, /^deferred/);
    });
  }

  test("waits while the authorities cannot be read", async () => {
    await using peer = await startSmtpPeer(able);
    const { result } = await sent([peer.port], { transport: transport({ authorities: "/nonexistent/ca.pem" }) });
    assert.match(result, /^deferred \(-37\).*tls_verify_certificates: \/nonexistent\/ca\.pem: cannot be read/);
  });

  test("is not told to a host that unsigned records name, unless the policy is the lenient one", async () => {
    await using peer = await startSmtpPeer(able);
    const item = { knownHosts: [false] };
    const strict = await sent([peer.port], { item });
    assert.match(strict.result, /^failed .*the DNS does not vouch for the host/);
    assert.equal(strict.ownReply, NO_REQUIRETLS);
    assert.equal(peer.connectionCount, 0);
    const lenient = await sent([peer.port], { item, transport: transport({ verifiesRequireTls: false }) });
    assert.match(lenient.result, /^delivered/);
  });

  test("shares connections with its like only", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer(able);
    const by = transport();
    const usual = { requireTls: undefined } as unknown as Partial<DeliveryItem>;
    await sent([peer.port], { rig, transport: by, item: usual });
    await sent([peer.port], { rig, transport: by });
    await sent([peer.port], { rig, transport: by });
    await sent([peer.port], { rig, transport: by, item: usual });
    assert.equal(peer.connectionCount, 2);
    assert.deepEqual(
      mails(peer.commands).map((line) => line.includes("REQUIRETLS")),
      [false, true, true, false],
    );
  });
});

describe("a report about a message with REQUIRETLS", () => {
  const SECRET = "the merger";
  const report = [
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    "",
    "--b",
    "Content-Type: text/rfc822-headers",
    "",
    `Subject: ${SECRET}`,
    "Message-ID: <1@a.test>",
    "",
    "--b--",
    "",
  ].join("\r\n");
  const item = { returnPath: "" };

  test("goes as it is where it may", async () => {
    await using peer = await startSmtpPeer(able);
    await sent([peer.port], { item, content: report });
    assert.match(mails(peer.commands).join(), /^MAIL FROM:<> .*REQUIRETLS$/);
    assert.ok(peer.messages[0]?.content.includes(SECRET));
  });

  for (const [name, options] of [
    ["does not know the word", withoutWord],
    ["has a certificate of its own", { ...able, tls: contextFor("mx.test") }],
  ] as const) {
    test(`goes without what it quotes to a host that ${name}`, async () => {
      await using peer = await startSmtpPeer(options);
      const { result } = await sent([peer.port], { item, content: report });
      assert.equal(result, `delivered H=${HOST} C="250 ok"`);
      assert.doesNotMatch(mails(peer.commands).join(), /REQUIRETLS/);
      const [message] = peer.messages;
      assert.equal(message?.isTls, true);
      assert.ok(!message?.content.includes(SECRET));
      assert.ok(message?.content.includes("Message-ID: <1@a.test>"));
    });
  }

  const kept: readonly [name: string, options: SmtpPeerOptions, changes: Partial<SmtpTransport>, content: string][] = [
    ["in clear text", { keywords: [] }, {}, report],
    ["with requiretls_bounce = freeze", withoutWord, { redactsBounces: false }, report],
    ["if it is no report", withoutWord, {}, `Subject: ${SECRET}\r\n\r\nhello\r\n`],
  ];
  for (const [name, options, changes, content] of kept) {
    test(`goes nowhere ${name}`, async () => {
      await using peer = await startSmtpPeer(options);
      const { result, ownReply } = await sent([peer.port], { item, content, transport: transport(changes) });
      assert.match(result, /^failed/);
      assert.match(ownReply ?? "", /^550 5\.7\.[13]0 /);
      assert.deepEqual(peer.messages, []);
    });
  }
});

describe("a message with TLS-Required: No (RFC 8689 section 3)", () => {
  const item = { requireTls: undefined, tlsOptional: true } as unknown as Partial<DeliveryItem>;
  const broken: SmtpPeerOptions = {
    ...able,
    answer: ({ moment }) => (moment === "STARTTLS" ? { raw: "220 go\r\nnot a handshake\r\n" } : undefined),
  };

  test("goes in clear text where TLS fails, unless hosts_require_tls says otherwise", async () => {
    await using peer = await startSmtpPeer(broken);
    assert.match((await sent([peer.port], { item })).result, /^delivered/);
    assert.equal(peer.messages[0]?.isTls, false);
    const required = await sent([peer.port], { item, transport: transport({ requireTls: true }) });
    assert.match(required.result, /^deferred \(-37\)/);
  });
});
