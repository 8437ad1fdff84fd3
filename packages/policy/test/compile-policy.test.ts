import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { policyOf } from "./policy-of.ts";

function problemsOf(text: string): string[] {
  try {
    policyOf(text);
    return [];
  } catch (err) {
    assert.ok(err instanceof ConfigError);
    return err.message.split("\n");
  }
}

describe("options of sessions", () => {
  test("have Exim's defaults", () => {
    assert.deepEqual(policyOf("").smtp, {
      interfaces: ["::0", "0.0.0.0"],
      ports: [25],
      tlsPorts: new Set(),
      messageSizeLimit: 52_428_800,
      refusesTooManyRecipients: false,
      heloCharacters: "",
      recipientsMax: 50_000,
      receivedHeadersMax: 30,
      headerMaxOctets: 1_048_576,
      headerLineMaxOctets: 0,
      stripsTrailingDot: false,
      stripsExcessBrackets: false,
      remembersExtended: false,
      receivedHeaderText: undefined,
      removedFields: new Set(["return-path", "envelope-to", "delivery-date"]),
      offersPrdr: false,
      acceptMax: 20,
      acceptReserve: 0,
      loadReserve: undefined,
      acceptMaxPerHost: 0,
      maxSyntaxErrors: 3,
      mailMax: 0,
      maxNonmail: 10,
      acceptsLiterals: false,
      backlog: 511,
      keepAlive: true,
      offersEightBitMime: true,
      enforcesSync: true,
      maxUnknownCommands: 3,
      receiveTimeoutMs: 300_000,
      proxyTimeoutMs: 3_000,
      bodyVisibleOctets: 500,
    });
    assert.equal(policyOf("").primaryHostname, "mx.here.test");
    assert.equal(policyOf("").qualifyDomain, "mx.here.test");
  });

  test("are as the file says", () => {
    const { smtp, tls, primaryHostname, qualifyDomain, qualifyRecipient } = policyOf(`
      primary_hostname = mx.other.test
      qualify_domain = Other.test
      daemon_smtp_ports = 2525 : submission : smtps
      tls_on_connect_ports = 465
      local_interfaces = <; 127.0.0.1 ; ::1
      message_size_limit = 10M
      smtp_accept_max = 7
      smtp_receive_timeout = 1m30s
      hide tls_certificate = "/c.pem"
    `);
    assert.equal(primaryHostname, "mx.other.test");
    assert.equal(qualifyDomain, "other.test");
    assert.equal(qualifyRecipient, "other.test");
    assert.partialDeepStrictEqual(smtp, {
      ports: [2525, 587, 465],
      tlsPorts: new Set([465]),
      interfaces: ["127.0.0.1", "::1"],
      messageSizeLimit: 10_485_760,
      acceptMax: 7,
      receiveTimeoutMs: 90_000,
    });
    assert.deepEqual(tls?.usual?.certificateFiles, ["/c.pem"]);
  });
});

describe("problems", () => {
  const cases = [
    {
      text: "daemon_smtp_ports = 70000",
      want: ['p.conf:1: daemon_smtp_ports: a port is expected, not "70000"'],
    },
    {
      text: "tls_on_connect_ports = 465",
      want: ["p.conf:1: tls_on_connect_ports: there is no tls_certificate for it"],
    },
    {
      text: "tls_certificate = /a.pem\ntls_on_connect_ports = x",
      want: ['p.conf:2: tls_on_connect_ports: a port is expected, not "x"'],
    },
    {
      text: "local_interfaces = mx.test",
      want: ['p.conf:1: local_interfaces: an IP address is expected, not "mx.test"'],
    },
    {
      text: "begin transports\nt:\n driver = smtp\n hosts_require_dane = *\n",
      want: ["p.conf:4: transport t: hosts_require_dane: delivery does not carry out this option yet"],
    },
    {
      text: "begin transports\nt:\n driver = appendfile\n file = /var/mail/x\n maildir_format\n",
      want: ["p.conf:2: transport t: a file is no maildir: set directory"],
    },
    { text: "begin transports\nt:\n driver = smtp\n command_timeout = 5m\n", want: [] },
    {
      text: "begin routers\nr:\n driver = accept\n headers_add = X: y\n fallback_hosts = a.test\n transport = t\n",
      want: [],
    },
    {
      text: "begin authenticators\na:\n driver = gsasl\n server_mech = digest-md5\n server_password = x\n",
      want: ["p.conf:2: authenticator a: server_mech = DIGEST-MD5: not available; SCRAM-SHA-1 and SCRAM-SHA-256 are"],
    },
  ];
  for (const { text, want } of cases) test(JSON.stringify(text), () => assert.deepEqual(problemsOf(text), want));
});

describe("notices", () => {
  const notices = (text: string) => policyOf(text).notices.join("\n");
  test("an open relay is pointed out", () => assert.match(notices("hostlist relay_from_hosts = *"), /open relay/));
  test("a list of some hosts is none", () => assert.equal(notices("hostlist relay_from_hosts = 192.0.2.0/24"), ""));
  test("a list that has to ask somebody is not asked", () =>
    assert.equal(notices("hostlist relay_from_hosts = net-lsearch;/nowhere"), ""));
  test("options of a default that is the usual one, and those that mean nothing in a fleet, are not", () =>
    assert.equal(
      notices("hosts_require_helo = *\nreturn_path_remove = false\nhost_lookup_order = byaddr\ntls_remember_esmtp\n"),
      "",
    ));
  test("a predata ACL that messages by BDAT pass by", () => {
    const acl = "begin acl\np:\n accept\n";
    assert.match(notices(`acl_smtp_predata = p\n${acl}`), /not asked of messages that come by BDAT/);
    assert.equal(notices(`acl_smtp_predata = p\nchunking_advertise_hosts =\n${acl}`), "");
  });
  test("a key without a certificate", () => assert.match(notices("tls_privatekey = /k.pem"), /TLS is not offered/));
});

describe("whether content is looked at", () => {
  const looks = (text: string) => {
    const policy = policyOf(text);
    const session = policy.startSession({ address: "192.0.2.1", port: 4000 }, {});
    return policy.looksAtContent(session);
  };
  const acl = "begin acl\na:\n accept\n";
  test("not without an ACL", () => assert.equal(looks(""), false));
  for (const option of ["acl_smtp_data", "acl_smtp_mime", "acl_smtp_dkim"]) {
    test(`always with a name in ${option}`, () => assert.equal(looks(`${option} = a\n${acl}`), true));
    test(`not by ${option} = accept`, () => assert.equal(looks(`${option} = accept\n`), false));
  }
  test("not by an ACL that takes everything", () => {
    assert.equal(looks("acl_smtp_data = accept\n"), false);
    assert.equal(looks("acl_smtp_data = ${if def:acl_m_x {a}{accept}}\n"), false);
  });
  test("not if the name is made to fail", () => {
    assert.equal(looks(`acl_smtp_data = \${if def:acl_m_x {a}fail}\n${acl}`), false);
  });
  test("if the name cannot be expanded, which the ACL's run will tell", () => {
    assert.equal(looks(`acl_smtp_data = \${nonsense}\n${acl}`), true);
  });
});

test("a transport of another version is an error of the configuration", () => {
  assert.throws(() => policyOf("").transport("remote_smtp"), ConfigError);
});

test("the version changes with the file and with the macros, and with nothing else", () => {
  const text = "A = x\nprimary_hostname = A.test\n";
  assert.equal(policyOf(text, { X: "1", Y: "2" }).version, policyOf(text, { Y: "2", X: "1" }).version);
  assert.notEqual(policyOf(text).version, policyOf(`${text} `).version);
  assert.notEqual(policyOf(text, { X: "1" }).version, policyOf(text, { X: "2" }).version);
});
