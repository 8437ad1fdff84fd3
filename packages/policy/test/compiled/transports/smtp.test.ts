import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { MessageVariables } from "../../../src/carried/message-variables.ts";
import { policyOf } from "../../policy-of.ts";

const message = { messageId: "m", returnPath: "s@x.test", receivedAtMs: 0, reception: { protocol: "esmtp", size: 1 } };
const own = (address: string) => new MessageVariables(message, address, { r_port: "26" });
const transport = (options: string) => policyOf(`begin transports\nt:\n driver = smtp\n${options}`).transport("t");
const at = (options: string) => transport(options).at(own, "r@b.test");

test("where we listen is no host for a transport, unless it has allow_localhost", async () => {
  const text = (options: string) =>
    `daemon_smtp_ports = 2525\nbegin transports\nt:\n driver = smtp\n hosts = 127.0.0.1\n${options}`;
  const ownOf = async (options: string) => {
    const made = await policyOf(text(options)).transport("t").at(own, "r@b.test");
    assert.ok(made.driver === "smtp");
    return made.own;
  };
  assert.ok((await ownOf("")).ports.has(2525));
  assert.deepEqual(await ownOf(" allow_localhost"), { addresses: [], ports: new Set() });
});

describe("an smtp transport", () => {
  test("has Exim's defaults, and is the same object for every message", () => {
    const constant = transport(" hosts = out.test\n");
    assert.partialDeepStrictEqual(constant.at(own, "r@b.test"), {
      driver: "smtp",
      name: "t",
      hosts: ["out.test"],
      port: 25,
      connectTimeoutMs: 300_000,
      commandTimeoutMs: 300_000,
      dataTimeoutMs: 300_000,
      finalTimeoutMs: 600_000,
      maxRcpt: 100,
      connectionMaxMessages: 500,
      maxConnections: 20,
      isLmtp: false,
      startsWithTls: false,
      maxTry: 5,
      maxTryHard: 50,
      sizeAddition: 1024,
      lineLengthLimit: 998,
      triesClear: true,
      fallbackHosts: [],
      terms: {
        heloName: "mx.here.test",
        tls: "offered",
        verification: "optional",
        verifiesName: true,
        authorities: "system",
        triesChunking: true,
        triesPrdr: true,
        avoidsPipelining: false,
        auth: undefined,
      },
      verifiesRequireTls: true,
      redactsBounces: true,
    });
    assert.equal(constant.at(own, "r@b.test"), constant.at(own, "x@c.test"));
    assert.equal(constant.variables, undefined);
    assert.equal(constant.hasOwnHosts, true);
  });

  const hosts = [
    { text: "127.0.0.1::2526", want: ["127.0.0.1::2526"] },
    { text: "mx1.a.test : mx2.a.test::587", want: ["mx1.a.test", "mx2.a.test::587"] },
    { text: "<; [::1]:25 ; 2001:db8::1 ; a.test:26", want: ["[::1]:25", "2001:db8::1", "a.test::26"] },
    { text: "a : + : b", want: ["a", "+", "b"] },
  ];
  for (const { text, want } of hosts) {
    test(`hosts = ${text}`, async () => {
      const { hosts: found } = { hosts: [], ...(await at(` hosts = ${text}\n`)) };
      assert.deepEqual(found, want);
    });
  }

  test("may depend on the message", async () => {
    const found = await at(" hosts = mx.$r_port.test\n port = $r_port\n max_rcpt = ${if eq{$domain}{b.test}{7}{8}}\n");
    assert.partialDeepStrictEqual(found, { hosts: ["mx.26.test"], port: 26, maxRcpt: 7 });
    const {
      variables: isNamed,
      hasOwnHosts,
      maxRcpt,
    } = transport(" hosts = mx.$domain\n max_rcpt = ${if bool{1}{7}{$home}}\n");
    assert.ok(isNamed?.("domain") && !isNamed("address_data"));
    assert.equal(hasOwnHosts, false);
    assert.equal(maxRcpt, 7);
  });

  test("defers what does not come out as it should", async () => {
    for (const options of [" port = $r_nothing\n", " port = ${nonsense}\n", " hosts = mx.$domain\n"]) {
      await assert.rejects(async () => at(options), DeferError, options);
    }
  });

  const protocols = [
    { text: "smtp", want: { port: 25, isLmtp: false, startsWithTls: false } },
    { text: "lmtp", want: { port: 24, isLmtp: true, startsWithTls: false } },
    { text: "smtps", want: { port: 465, isLmtp: false, startsWithTls: true } },
    { text: "submissions", want: { port: 465, isLmtp: false, startsWithTls: true } },
    { text: "lmtp\n port = 2003", want: { port: 2003, isLmtp: true } },
  ];
  for (const { text, want } of protocols) {
    test(`protocol = ${text.split("\n").join(";")}`, async () => {
      assert.partialDeepStrictEqual(await at(` protocol = ${text}\n`), want);
    });
  }

  const downconversions = [
    { text: "", want: -1 },
    { text: " utf8_downconvert = 1", want: 1 },
    { text: " utf8_downconvert = ${if bool{1}{0}{1}}", want: 0 },
    // As an ACL has said.
    { text: " utf8_downconvert =", want: undefined },
  ];
  for (const { text, want } of downconversions) {
    test(`utf8_downconvert with${text || " nothing"}`, async () => {
      assert.partialDeepStrictEqual(await at(`${text}\n`), { utf8Downconvert: want });
    });
  }

  const wrong = [
    { text: " utf8_downconvert = 2", want: /utf8_downconvert: 1, 0 or -1 is expected, not "2"/ },
    { text: " dscp = af99", want: /dscp: "af99" is none/ },
    { text: " socks_proxy = proxy.test", want: /socks_proxy: "proxy.test" is no IP address/ },
    { text: " socks_proxy = 10.0.0.1 colour=red", want: /"colour" is no option of a proxy/ },
    { text: " haproxy_egress = 10.0.0.1", want: /haproxy_egress: 10\.0\.0\.1 has no port=/ },
    { text: " haproxy_egress = 10.0.0.1 port=1 auth=name", want: /haproxy_egress: "auth" is no option of a proxy/ },
    {
      text: " socks_proxy = 10.0.0.1\n haproxy_egress = 10.0.0.2 port=99",
      want: /socks_proxy and haproxy_egress exclude each other/,
    },
    { text: " helo_data = two words", want: /"two words" is no host name/ },
    { text: " hosts_require_dane = *", want: /hosts_require_dane: delivery does not carry out/ },
  ];
  for (const { text, want } of wrong) {
    test(`is refused with${text}`, () => assert.throws(() => transport(`${text}\n`), want));
  }
});

describe("what an smtp transport says about one host", () => {
  const host = { name: "mx1.b.test", address: "192.0.2.7", port: 26 };
  const nowhere = () => Promise.resolve("192.0.2.200");
  const termsOf = async (options: string, message = own) => {
    const made = await transport(options).at(message, "r@b.test");
    assert.ok(made.driver === "smtp");
    return made.terms ?? made.termsFor(host, nowhere);
  };
  const lists: readonly (readonly [options: string, want: object])[] = [
    [" hosts_avoid_esmtp = *.b.test", { avoidsEsmtp: true }],
    [" hosts_avoid_esmtp = *.c.test", { avoidsEsmtp: false }],
    [" hosts_avoid_pipelining = 192.0.2.0/24", { avoidsPipelining: true }],
    [" hosts_avoid_pipelining = !192.0.2.7 : *", { avoidsPipelining: false }],
    [" hosts_avoid_pipelining = mx1.b.test", { avoidsPipelining: true }],
    [" hosts_try_chunking =", { triesChunking: false }],
    [" hosts_try_chunking = ${if eq{$host_port}{26}{*}}", { triesChunking: true }],
    [" hosts_try_prdr = ${if eq{$host}{mx1.b.test}{}{*}}", { triesPrdr: false }],
    [" hosts_require_tls = ^mx[0-9]", { tls: "required" }],
    [" hosts_avoid_tls = *", { tls: "never" }],
    [" hosts_avoid_tls = *\n hosts_require_tls = *", { tls: "required" }],
    [" tls_verify_hosts = *.b.test", { verification: "required" }],
    [" tls_verify_hosts = *.c.test", { verification: "optional" }],
    [" tls_try_verify_hosts = *.c.test", { verification: "none" }],
    [" tls_try_verify_hosts =", { verification: "required" }],
    [" tls_verify_cert_hostnames =", { verifiesName: false }],
    [" hosts_try_auth = *", { auth: "try" }],
    [" hosts_require_auth = *.b.test", { auth: "require" }],
    [" serialize_hosts = mx1.b.test", { isSerialized: true }],
    [" helo_data = ${if eq{$host_address}{192.0.2.7}{seven.test}{other.test}}", { heloName: "seven.test" }],
    [" helo_data = ip.${sg{$sending_ip_address}{[.]}{-}}.test", { heloName: "ip.192-0-2-200.test" }],
    [" interface = <; 192.0.2.1 ; 2001:db8::1", { interfaces: ["192.0.2.1", "2001:db8::1"] }],
    [" tls_sni = $host", { serverName: "mx1.b.test" }],
    [" tls_alpn = smtp : foo\n hosts_require_alpn = *", { protocols: ["smtp", "foo"], requiresProtocol: true }],
    [" tls_require_ciphers = ECDHE_RSA_AES128", { ciphers: "ECDHE-RSA-AES128" }],
    [
      " socks_proxy = 10.0.0.1 auth=name name=u pass=p port=99 tmo=7s pri=2 : 10.0.0.2",
      {
        proxies: [
          {
            protocol: "socks",
            address: "10.0.0.1",
            port: 99,
            login: { name: "u", password: "p" },
            timeoutMs: 7_000,
            priority: 2,
          },
          { address: "10.0.0.2", port: 1080, login: undefined, timeoutMs: 5_000, priority: 1 },
        ],
      },
    ],
    [
      " haproxy_egress = <; 10.0.0.1 port=99 tmo=7s ; 2001:db8::1 port=98 weight=2",
      {
        proxies: [
          { protocol: "haproxy", address: "10.0.0.1", port: 99, timeoutMs: 7_000 },
          { protocol: "haproxy", address: "2001:db8::1", port: 98, weight: 2 },
        ],
      },
    ],
  ];
  for (const [options, want] of lists) {
    test(options.trim(), async () => assert.partialDeepStrictEqual(await termsOf(`${options}\n`), want));
  }

  test("is the same object for every host and message where nothing depends on them", async () => {
    const made = await at(" hosts_avoid_tls = *\n helo_data = me.test\n");
    assert.ok(made.driver === "smtp" && made.terms !== undefined);
  });

  test("cannot be found out while a lookup fails", async () => {
    await assert.rejects(termsOf(" helo_data = ${lookup{x}lsearch{/nonexistent}}\n"), DeferError);
    await assert.rejects(termsOf(" hosts_avoid_tls = +nobody\n"), DeferError);
  });

  test("names no file that a peer has chosen", async () => {
    await assert.rejects(termsOf(" tls_certificate = /certs/$domain\n"), /tainted/);
  });
});
