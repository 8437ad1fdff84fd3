import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type ProxyView, withoutProxiedClient } from "../../src/acl/smtp/proxy-view.ts";
import { policyOf } from "../policy-of.ts";
import { policySession, shown } from "./policy-session.ts";

const PROXIED: ProxyView = {
  result: "ok",
  localAddress: "10.0.0.1",
  localPort: 50,
  externalAddress: "203.0.113.5",
  externalPort: 25,
};

describe("hosts_proxy", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-proxy-"));
  after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "proxies");
  writeFileSync(file, "192.0.2.1: 192.0.2.0/24\n192.0.2.2:\n");

  const cases = [
    { list: "192.0.2.0/24", address: "192.0.2.1", want: true },
    { list: "192.0.2.0/24", address: "198.51.100.1", want: false },
    { list: "<; 10.0.0.0/8 ; 2001:db8::/32", address: "2001:db8::1", want: true },
    { list: "*", address: "2001:db8::1", want: true },
    { list: "! 192.0.2.1 : 192.0.2.0/24", address: "192.0.2.1", want: false },
    { list: `\${lookup{$sender_host_address}lsearch{${file}}}`, address: "192.0.2.1", want: true },
    { list: `\${lookup{$sender_host_address}lsearch{${file}}}`, address: "192.0.2.2", want: false },
    { list: `\${lookup{$sender_host_address}lsearch{${file}}}`, address: "192.0.2.3", want: false },
    // What cannot be decided is no.
    { list: `\${lookup{$sender_host_address}lsearch{${directory}/nothing}}`, address: "192.0.2.1", want: false },
    { list: "+nobody_knows", address: "192.0.2.1", want: false },
    { list: "${if eq{a}{a}{*}fail}", address: "192.0.2.1", want: true },
    { list: "${if eq{a}{b}{*}fail}", address: "192.0.2.1", want: false },
  ];
  for (const { list, address, want } of cases) {
    test(`${list.replace(directory, "")}: ${address}`, async () => {
      const policy = policyOf(`hosts_proxy = ${list}\n`);
      assert.equal(await policy.isProxy?.({ address, port: 1 }), want);
    });
  }

  test("that is not set or empty asks nobody", () => {
    assert.equal(policyOf("").isProxy, undefined);
    assert.equal(policyOf("hosts_proxy =\n").isProxy, undefined);
  });

  test("has its old name, and a time limit of its own", () => {
    const policy = policyOf("proxy_required_hosts = *\nproxy_protocol_timeout = 1m\n");
    assert.equal(policy.isProxy?.({ address: "192.0.2.1", port: 1 }), true);
    assert.equal(policy.smtp.proxyTimeoutMs, 60_000);
    assert.deepEqual(policy.notices, []);
  });
});

describe("log_selector", () => {
  const cases = [
    { text: "", want: false },
    { text: "+proxy", want: true },
    { text: "+all", want: true },
    { text: "+all -proxy", want: false },
    { text: "-proxy+all", want: true },
    { text: "+proxy -all", want: false },
    { text: "+subject -pid", want: false },
  ];
  for (const { text, want } of cases) {
    test(JSON.stringify(text), () => {
      assert.equal(policyOf(text === "" ? "" : `log_selector = ${text}\n`).log.selectors.has("proxy"), want);
    });
  }
});

describe("variables of a proxy", () => {
  const NOW = "$proxy_session|$proxy_local_address|$proxy_local_port|$proxy_external_address|$proxy_external_port";
  const OLD = "$proxy_session|$proxy_host_address|$proxy_host_port|$proxy_target_address|$proxy_target_port";
  const OWN =
    "$proxy_result|$proxy_unique_id|$proxy_sni|$proxy_tls_version|$proxy_tls_cipher|$proxy_tls_common_name|$proxy_tls_verified";
  const expanded = async (text: string, proxy: ProxyView | undefined): Promise<string> => {
    const { acls } = policySession("begin acl\n", { proxy });
    return acls.text(text);
  };

  const cases = [
    { name: "without one", proxy: undefined, exim: "no||0||0", own: "||||||no" },
    { name: "of a header", proxy: PROXIED, exim: "yes|10.0.0.1|50|203.0.113.5|25", own: "ok||||||no" },
    { name: "of LOCAL", proxy: withoutProxiedClient("local"), exim: "yes||0||0", own: "local||||||no" },
    {
      name: "of none where it must be",
      proxy: withoutProxiedClient("failed"),
      exim: "yes||0||0",
      own: "failed||||||no",
    },
    {
      name: "of a binary header that says more",
      proxy: {
        ...PROXIED,
        uniqueId: "C0A8:1",
        authority: "mx.test",
        tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", commonName: "client.test", isVerified: true },
      },
      exim: "yes|10.0.0.1|50|203.0.113.5|25",
      own: "ok|C0A8:1|mx.test|TLSv1.3|TLS_AES_256_GCM_SHA384|client.test|yes",
    },
  ];
  for (const { name, proxy, exim, own } of cases) {
    test(name, async () => {
      assert.equal(await expanded(NOW, proxy), exim);
      assert.equal(await expanded(OLD, proxy), exim);
      assert.equal(await expanded(OWN, proxy), own);
    });
  }
});

describe("hosts = list", () => {
  const asked = async (condition: string, proxy: ProxyView | undefined): Promise<string> => {
    const config = `acl_smtp_connect = a\nhostlist relay = 10.0.0.0/8 : 192.0.2.1\nbegin acl\na:\n  accept ${condition}\n`;
    const { acls } = policySession(config, { proxy });
    return shown(await acls.connect());
  };
  const DENIED = "550 Administrative prohibition";

  test("is about the client of a header", async () => {
    assert.equal(await asked("hosts = +relay", PROXIED), "accept");
    assert.equal(await asked("hosts = 10.0.0.1", PROXIED), DENIED, "not about the proxy");
  });

  for (const [name, proxy] of [
    ["LOCAL", withoutProxiedClient("local")],
    ["a header about its own end of the connection", { ...PROXIED, localAddress: "192.0.2.1", localPort: 4000 }],
  ] as const) {
    test(`gives a proxy that speaks for itself nothing that its address may do: ${name}`, async () => {
      assert.equal(await asked("hosts = +relay", undefined), "accept");
      assert.equal(await asked("hosts = +relay", proxy), DENIED);
      assert.equal(await asked("hosts = :", proxy), DENIED, "it is no local process either");
      assert.equal(await asked("hosts = *", proxy), "accept");
      assert.equal(await asked("!hosts = +relay", proxy), "accept");
    });
  }

  test("is about a client on the proxy's machine as about any other", async () => {
    assert.equal(await asked("hosts = +relay", { ...PROXIED, localAddress: "192.0.2.1", localPort: 4001 }), "accept");
  });
});
