import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { compilePolicy } from "../src/compile-policy.ts";
import type { ClientView, Policy, Verdict } from "../src/policy.ts";

function policy(text: string, macros: Record<string, string> = {}): Policy {
  return compilePolicy({
    file: "p.conf",
    text,
    macros: new Map(Object.entries(macros)),
    hostname: "mx.here.test",
    dataDirectory: "/data",
  });
}

function problemsOf(text: string, macros: Record<string, string> = {}): string[] {
  try {
    policy(text, macros);
    return [];
  } catch (err) {
    assert.ok(err instanceof ConfigError);
    return err.message.split("\n");
  }
}

const site = `
domainlist local_domains = a.test : @ : *.b.test
hostlist relay_from_hosts = 127.0.0.1 : 192.0.2.0/24
SMARTHOST = out.test::2526
`;
const client = (address: string): ClientView => ({ address, port: 4000, helo: "c.test", isTls: false });
const envelope = (...recipients: string[]) => ({ returnPath: "s@x.test", recipients });
const stranger = client("198.51.100.1");
const trusted = client("192.0.2.7");
const word = (verdict: Verdict): string =>
  verdict.verdict === "accept" ? "accept" : `${verdict.reply.code} ${verdict.reply.status} ${verdict.log}`;

describe("ACL", () => {
  const cases = [
    { who: stranger, address: "ann@a.test", want: "accept" },
    { who: stranger, address: "ann@A.TEST", want: "accept" },
    { who: stranger, address: "ann@mx.here.test", want: "accept" },
    { who: stranger, address: "ann@x.b.test", want: "accept" },
    { who: stranger, address: "ann@b.test", want: "550 5.7.1 relay not permitted" },
    { who: stranger, address: "ann@c.test", want: "550 5.7.1 relay not permitted" },
    { who: stranger, address: "ann%c.test@a.test", want: "accept" },
    { who: stranger, address: "postmaster", want: "accept" },
    { who: stranger, address: "a/../b@a.test", want: "550 5.1.3 restricted characters in address" },
    { who: stranger, address: "..@a.test", want: "550 5.1.3 restricted characters in address" },
    { who: stranger, address: `${"x".repeat(65)}@a.test`, want: "550 5.1.3 restricted characters in address" },
    { who: trusted, address: "ann@c.test", want: "accept" },
    { who: trusted, address: "a/b@c.test", want: "accept" },
    { who: client("::ffff:192.0.2.7"), address: "ann@c.test", want: "accept" },
  ];
  const { acl } = policy(site);
  for (const { who, address, want } of cases) {
    test(`${address} from ${who.address}: ${want}`, async () => {
      assert.equal(word(await acl.recipient(who, envelope(), address)), want);
    });
  }

  test("without a smart host a trusted client hears at once that there is no route", async () => {
    const { acl } = policy(site, { SMARTHOST: "" });
    assert.equal(word(await acl.recipient(trusted, envelope(), "ann@c.test")), "550 5.1.2 no route to this domain");
    assert.equal(word(await acl.recipient(stranger, envelope(), "ann@c.test")), "550 5.7.1 relay not permitted");
  });

  test("a policy that names nobody relays for nobody", async () => {
    assert.equal(
      word(await policy("").acl.recipient(client("127.0.0.1"), envelope(), "a@b.test")),
      "550 5.7.1 relay not permitted",
    );
  });
});

describe("routes", () => {
  const { route, transport } = policy(site);
  test("local domains go to their Maildir", async () => {
    assert.deepEqual(await route("Ann@A.test"), { kind: "deliver", router: "local", transport: "maildir" });
    const maildir = transport("maildir");
    assert.ok(maildir.driver === "appendfile");
    assert.equal(maildir.directory("Ann@A.test"), "/data/mail/a.test/ann");
  });
  test("everything else goes to the smart host", async () => {
    assert.deepEqual(await route("b@c.test"), { kind: "deliver", router: "smarthost", transport: "smarthost_smtp" });
    assert.partialDeepStrictEqual(transport("smarthost_smtp"), {
      driver: "smtp",
      hosts: ["out.test::2526"],
      maxRcpt: 100,
    });
  });
  test("without a smart host it fails", async () => {
    assert.deepEqual(await policy("").route("b@c.test"), { kind: "fail", text: "Unrouteable address" });
  });
  test("a local part that can have no mailbox fails", async () => {
    assert.partialDeepStrictEqual(await route("../x@a.test"), { kind: "fail", router: "local" });
  });
  test("a transport of another version is an error of the configuration", () => {
    assert.throws(() => transport("remote_smtp"), ConfigError);
  });
});

describe("facts", () => {
  const asked = ["spf", "message"];
  const cases = [
    { verify: "inbound", who: stranger, to: ["x@c.test"], want: asked },
    { verify: "inbound", who: trusted, to: ["x@c.test"], want: [] },
    { verify: "inbound", who: trusted, to: ["x@c.test", "y@a.test"], want: asked },
    { verify: "all", who: trusted, to: ["x@c.test"], want: asked },
    { verify: "none", who: stranger, to: ["x@a.test"], want: [] },
  ];
  for (const { verify, who, to, want } of cases) {
    test(`VERIFY=${verify}, ${who.address} to ${to}`, () => {
      assert.deepEqual(policy(site, { VERIFY: verify }).facts(who, envelope(...to)), want);
    });
  }

  test("SCAN adds the scanner", () => {
    assert.deepEqual(policy(site, { SCAN: "yes" }).facts(trusted, envelope("x@c.test")), ["scan"]);
  });

  test("a list of recipients that grows, and is used again, is never mistaken for the one before", () => {
    const { facts } = policy(site);
    const recipients: string[] = [];
    const ask = () => facts(trusted, { returnPath: "", recipients }).length > 0;
    const answers: boolean[] = [];
    for (const message of [
      ["x@c.test", "y@a.test", "z@c.test"],
      ["x@c.test"],
      ["y@a.test"],
      ["x@c.test", "z@c.test"],
    ]) {
      recipients.length = 0;
      for (const recipient of message) {
        recipients.push(recipient);
        answers.push(ask());
      }
    }
    assert.deepEqual(answers, [false, true, true, false, true, false, false]);
  });
});

describe("options", () => {
  test("Exim's defaults", () => {
    assert.deepEqual(policy("").smtp, {
      interfaces: ["0.0.0.0", "::"],
      ports: [25],
      messageSizeLimit: 52_428_800,
      recipientsMax: 50_000,
      receivedHeadersMax: 30,
      headerMaxOctets: 1_048_576,
      acceptMax: 20,
      acceptMaxPerHost: 0,
      maxSyntaxErrors: 3,
      maxUnknownCommands: 3,
      receiveTimeoutMs: 300_000,
    });
    assert.equal(policy("").primaryHostname, "mx.here.test");
    assert.equal(policy("").retryRule("a@b")[1]?.kind, "G");
  });

  test("as the file says", () => {
    const { smtp, primaryHostname, qualifyDomain } = policy(`
      primary_hostname = mx.other.test
      qualify_domain = Other.test
      daemon_smtp_ports = 2525 : submission
      local_interfaces = <; 127.0.0.1 ; ::1
      message_size_limit = 10M
      smtp_accept_max = 7
      smtp_receive_timeout = 1m30s
      hide tls_certificate = "/c.pem"
    `);
    assert.equal(primaryHostname, "mx.other.test");
    assert.equal(qualifyDomain, "other.test");
    assert.partialDeepStrictEqual(smtp, {
      ports: [2525, 587],
      interfaces: ["127.0.0.1", "::1"],
      messageSizeLimit: 10_485_760,
      acceptMax: 7,
      receiveTimeoutMs: 90_000,
      tls: { certificate: "/c.pem", privateKey: "/c.pem" },
    });
  });
});

describe("problems", () => {
  const NOT_YET = "known to Exim, not supported by the built-in policy yet";
  const cases = [
    {
      text: "primary_hostnam = x",
      want: ["p.conf:1: primary_hostnam: unknown option (did you mean primary_hostname?)"],
    },
    { text: "qwertyuiop = x", want: ["p.conf:1: qwertyuiop: unknown option"] },
    { text: "acl_smtp_rcpt = x", want: [`p.conf:1: acl_smtp_rcpt: ${NOT_YET}`] },
    { text: "no_prdr_enable", want: [`p.conf:1: no_prdr_enable: ${NOT_YET}`] },
    { text: "begin acl\naccept\n", want: [`p.conf:1: begin acl: ${NOT_YET} (what follows was not read)`] },
    { text: "just words", want: ['p.conf:1: an option setting is expected, not "just words"'] },
    {
      text: "recipients_max = 1\nrecipients_max = 2",
      want: ['p.conf:2: "recipients_max" option set for the second time'],
    },
    { text: "recipients_max", want: ["p.conf:1: recipients_max: = and a value are expected"] },
    { text: "recipients_max = many", want: ['p.conf:1: recipients_max: integer expected, not "many"'] },
    {
      text: "daemon_smtp_ports = 70000",
      want: ['p.conf:1: daemon_smtp_ports: a list of ports is expected, not "70000"'],
    },
    {
      text: "RETRY = F,2h",
      want: ['p.conf:1: RETRY: F,<cutoff>,<interval>, or G or H,<cutoff>,<interval>,<factor> is expected, not "F,2h"'],
    },
    { text: "MAILDIR = mail", want: ['p.conf:1: MAILDIR: an absolute path is expected, not "mail"'] },
    { text: "domainlist a = +b", want: ["p.conf:1: domainlist a: +b: there is no domainlist of this name"] },
    { text: "domainlist a = +b\ndomainlist b = +a", want: ["p.conf:2: domainlist b: +a: the list refers to itself"] },
    { text: "domainlist a = b\ndomainlist a = c", want: ['p.conf:2: domainlist "a" is defined for the second time'] },
    { text: "addresslist a = b", want: [`p.conf:1: addresslist: ${NOT_YET}`] },
  ];
  for (const { text, want } of cases) test(JSON.stringify(text), () => assert.deepEqual(problemsOf(text), want));

  test("all of them at once, with their lines", () => {
    const text = "\nspelt_wrong = 1\nrecipients_max = \\\n x\nhostlist relay_from_hosts = mx.test\nVERIFY = maybe\n";
    assert.deepEqual(
      problemsOf(text).map((line) => line.split(" ", 1)[0]),
      ["p.conf:2:", "p.conf:3:", "p.conf:6:", "p.conf:5:"],
    );
  });

  test("a macro given from outside says so", () => {
    assert.deepEqual(problemsOf("", { VERIFY: "maybe" }), [
      'macro given from outside (VERIFY): VERIFY: inbound, all, none is expected, not "maybe"',
    ]);
    assert.deepEqual(problemsOf("", { lower: "x" }), ['p.conf: macro given from outside: "lower" is not a macro name']);
  });
});

describe("notices", () => {
  const notices = (text: string, macros = {}) => policy(text, macros).notices.join("\n");
  test("options of Exim's processes and spool are accepted and named", () => {
    assert.match(notices("spool_directory = /x\nno_message_logs\n"), /ignored: spool_directory, no_message_logs/);
  });
  test("an open relay is pointed out", () => assert.match(notices("hostlist relay_from_hosts = *"), /open relay/));
  test("a macro that nobody reads is pointed out", () =>
    assert.match(
      notices("", { SMARTHOTS: "x" }),
      /macro SMARTHOTS is given but not used \(did you mean SMARTHOST\?\)/,
    ));
  test("a sound policy has none", () => assert.equal(notices(site, { SMARTHOST: "b.test" }), ""));
});

test("the version changes with the file and with the macros, and with nothing else", () => {
  assert.equal(policy(site, { X: "1", Y: "2" }).version, policy(site, { Y: "2", X: "1" }).version);
  assert.notEqual(policy(site).version, policy(`${site} `).version);
  assert.notEqual(policy(site, { X: "1" }).version, policy(site, { X: "2" }).version);
});
