import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readText } from "./read-text.ts";

describe("routers, transports and authenticators", () => {
  test("options are typed by kind, with the defaults of the driver", () => {
    const { configuration, all } = readText(`
begin routers
out:
  driver = manualroute
  route_list = * a.test
  transport = smtp_t
  condition = one
  condition = two
  headers_add = X-A: 1
  headers_add = X-B: 2
  more = \${if eq{a}{b}}
in :
  driver = accept
  transport = box
  no_verify
  set = r_a = 1

begin transports
smtp_t:
  driver = smtp
  max_rcpt = 3
box:
  driver = appendfile
  directory = /var/mail/$local_part_data
  maildir_format

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = no
`);
    assert.deepEqual(all, []);
    const [out, into] = configuration.routers;
    assert.deepEqual(out?.place, { file: "/c", line: 3 });
    assert.ok(out?.kind === "manualroute");
    assert.equal(out.options.get("route_list"), "* a.test");
    assert.equal(out.options.get("host_find_failed"), "freeze");
    assert.equal(out.options.get("self"), "freeze");
    assert.deepEqual(out.options.get("condition"), ["one", "two"]);
    assert.deepEqual(out.options.get("headers_add"), ["X-A: 1", "X-B: 2"]);
    assert.equal(out.options.get("more"), "${if eq{a}{b}}");
    assert.ok(into?.kind === "accept");
    assert.equal(into.name, "in");
    assert.equal(into.options.get("more"), true);
    assert.equal(into.options.get("verify_sender"), false);
    assert.equal(into.options.get("verify_recipient"), false);
    const smtp = configuration.transports.get("smtp_t");
    assert.ok(smtp?.kind === "smtp");
    assert.equal(smtp.options.get("max_rcpt"), 3);
    assert.equal(smtp.options.get("data_timeout"), 300_000);
    const box = configuration.transports.get("box");
    assert.ok(box?.kind === "appendfile");
    assert.equal(box.options.get("mode"), 0o600);
    assert.equal(configuration.authenticators[0]?.generic.get("public_name"), "PLAIN");
  });

  const r = "begin routers\n";
  const redirect = `${r}x:\n driver = redirect\n data = y\n`;
  const t = "begin transports\nt:\n";
  const a = "begin authenticators\n";

  /** The first problem, or none. The verdicts of Exim 4.98, but for those marked with *. */
  const cases: readonly (readonly [text: string, problem?: string])[] = [
    [`${r}x:\n`, '/c:2: no driver defined for router "x"'],
    [`${r}x:\n driver = accept\n`, "/c:2: router x: a transport is required for this router"],
    [`${r}x:\n driver = accept\n verify_only\n`],
    [`${r}x:\n driver = dnslookup\n`, "/c:2: router x: a transport is required for this router"],
    [`${r}x:\n driver = redirect\n`, '/c:2: router x: one of "file" or "data" must be specified'],
    [`${redirect} file = /z\n`, '/c:2: router x: only one of "file" or "data" must be specified'],
    [`${redirect} transport = z\n`, "/c:2: router x: a transport must not be defined for this router"],
    [`${redirect} one_time\n unseen\n`, '/c:2: router x: "unseen" may not be used with "one_time"'],
    [
      `${redirect} one_time\n headers_add = z\n`,
      '/c:2: router x: "headers_add" and "headers_remove" are not permitted with "one_time"',
    ],
    [`${redirect} data = y\n`, '/c:5: router x: "data" option set for the second time'],
    [`${redirect} driver = redirect\n`, '/c:5: router x: "driver" option set for the second time'],
    [`${redirect} dta = y\n`, '/c:5: router x: option "dta" unknown (did you mean data?)'],
    [
      `${redirect} route_list = y\n`,
      '/c:5: router x: option "route_list" unknown'.replace(" (did you mean route_list?)", ""),
    ],
    [`${redirect} more = $x\n unseen = yes\n`],
    [`${redirect} more = nix\n`, '/c:5: router x: more: true, false, yes or no is expected, not "nix"'],
    [
      `${redirect} self = nix\n`,
      '/c:5: router x: self: freeze, defer, reroute: domain, pass, fail or send is expected, not "nix"',
    ],
    [`${redirect} self = reroute: rewrite: z.test\n`],
    [`${redirect} pass_router = x\n`, '/c:2: router x: pass_router: "x" does not follow this router'],
    [`${redirect} pass_router = z\n`, '/c:2: router x: pass_router: there is no router "z"'],
    [`${redirect} pass_router = z\nz:\n driver = accept\n verify_only\n`],
    [`${redirect} redirect_router = z\n`, '/c:2: router x: redirect_router: there is no router "z"'],
    [`${redirect} verify = false\n verify_sender\n`],
    [`${redirect} modemask = 9\n`, '/c:5: router x: modemask: an octal integer is expected, not "9"'],
    [
      `${r}x:\n data = y\n driver = redirect\n`,
      '/c:3: router x: option "data" unknown ("driver" must be specified before any private options)',
    ],
    [
      `${r}x:\n driver = accpt\n data = y\n`,
      '/c:3: router x: there is no router driver "accpt" (did you mean accept?)',
    ],
    [`${r}x: driver = redirect\n data = y\n`, "/c:2: characters after the router name x"],
    [`${r}driver = redirect\n`, "/c:2: router name missing"],
    [`${redirect}x:\n driver = redirect\n data = z\n`, '/c:5: there are two routers called "x"'],
    [`${r}${"x".repeat(70)}:\n driver = redirect\n data = z\n`, "/c:2: router name longer than 63 characters"],
    [`${r}x:\n driver = manualroute\n`, "/c:2: router x: route_list or route_data (but not both) must be specified"],
    [
      `${r}x:\n driver = manualroute\n route_list = y\n host_find_failed = nix`,
      '/c:5: router x: host_find_failed: decline, defer, fail, freeze, ignore, pass is expected, not "nix"',
    ],
    [
      `${r}x:\n driver = queryprogram\n command = /x\n command_user = y`,
      "/c:3: router x: driver queryprogram: not available: asking a program where an address goes; a lookup can do it",
    ], // *
    [
      `${redirect} translate_ip_address = y\n`,
      "/c:5: router x: translate_ip_address: not available: translating the addresses of hosts; a manualroute router can name others",
    ], // *
    [`${redirect} bmi_dont_deliver\n bmi_rule = 5:8:11\n srs = forward\n dsn_lasthop\n`], // *
    [`${t} driver = smtp\n`],
    [
      `${t} driver = smtp\n protocol = nix\n`,
      '/c:4: transport t: protocol: smtp, lmtp, smtps, submissions is expected, not "nix"',
    ], // *
    [`${t} driver = smtp\n max_rcpt = nix\n`, '/c:4: transport t: max_rcpt: an integer is expected, not "nix"'], // *
    [`${t} driver = smtp\n headers_rewrite = *@a b f : *@c d q\n`],
    [
      `${t} driver = smtp\n headers_rewrite = *@a b F\n`,
      "/c:4: transport t: headers_rewrite: a rewrite rule of a transport is for header lines only",
    ],
    [
      `${t} driver = smtp\n body_only\n headers_only\n`,
      "/c:2: transport t: body_only and headers_only are mutually exclusive",
    ],
    [
      `${t} driver = smtp\n shadow_transport = t\n`,
      "/c:2: transport t: a shadow transport is for local transports only",
    ],
    [
      `${t} driver = appendfile\n file = /x\n directory = /y\n`,
      '/c:2: transport t: only one of "file" or "directory" can be specified',
    ],
    [
      `${t} driver = appendfile\n file = /x\n no_use_lockfile\n no_use_fcntl_lock`,
      "/c:2: transport t: no locking configured",
    ],
    [
      `${t} driver = appendfile\n file = /x\n create_file = nix`,
      '/c:5: transport t: create_file: anywhere, belowhome, inhome or an absolute path is expected, not "nix"',
    ],
    [
      `${t} driver = pipe\n temp_errors = 1:2x`,
      '/c:4: transport t: temp_errors: a list of numbers or an asterisk is expected, not "1:2x"',
    ],
    [
      `${t} driver = pipe\n log_output\n log_fail_output`,
      "/c:2: transport t: both log_output and log_fail_output are set",
    ],
    [`${t} driver = lmtp\n`, "/c:2: transport t: one (and only one) of command or socket must be set"],
    [`${t} driver = queuefile\n`, "/c:2: transport t: directory must be set"], // *
    [
      `${t} driver = smtp\n tls_verify_cert_hostnames = *\n hosts_require_dane = *\n tpda_host_defer_action = x\n arc_sign = a : b : c\n`,
    ], // *
    [`${a}a:\n driver = plaintext\n public_name = X\nb:\n driver = plaintext\n public_name = X\n`],
    [
      `${a}a:\n driver = plaintext\n public_name = X\n server_condition = 1\nb:\n driver = plaintext\n public_name = X\n server_condition = 1\n`,
      "/c:6: two server authenticators (a and b) have the same public name (x)",
    ],
    [
      `${a}a:\n driver = spa\n public_name = NTLM\n`,
      "/c:3: authenticator a: driver spa: not available: NTLM; offer PLAIN over TLS",
    ], // *
  ];
  for (const [text, problem] of cases) {
    test(`${text.split("\n").slice(1).join(" ").trim().slice(0, 90)}: ${problem === undefined ? "taken" : "refused"}`, () => {
      assert.deepEqual(readText(text).of("error").slice(0, 1), problem === undefined ? [] : [problem]);
    });
  }

  test("a transport that is not there is noticed, one that is expanded is not", () => {
    const { all } = readText(`${r}x:\n driver = accept\n transport = nix\ny:\n driver = accept\n transport = $z\n`);
    assert.deepEqual(all, ['/c:4: router x: transport: there is no transport "nix": its addresses are deferred']);
  });

  test("accounts that this machine lacks are problems of their own kind", () => {
    const files = { "/etc/passwd": "mail:x:8:8::/:/bin/sh\n", "/etc/group": "mail:x:8:\n" };
    const text = `${redirect} user = mail\n group = nix\n owners = 1000 : nobody\n`;
    const { all, of } = readText({ text, files });
    assert.deepEqual(all, [
      '/c:6: router x: group: there is no group "nix" in /etc/group',
      '/c:7: router x: owners: there is no user "nobody" in /etc/passwd',
    ]);
    assert.deepEqual(of("machine"), all);
  });

  test("a driver that is wrong does not hide the next", () => {
    const { of, configuration } = readText(
      `${r}x:\n driver = nix\n what = ever\ny:\n driver = accept\n transport = $z\n`,
    );
    assert.equal(of("error").length, 1);
    assert.deepEqual(
      configuration.routers.map(({ name }) => name),
      ["y"],
    );
  });
});

describe("sections", () => {
  /** Verdicts of Exim 4.98. */
  const cases: readonly (readonly [text: string, problem?: string])[] = [
    ["begin ACLS\nBegin router\nBEGIN retry\nbegin rewrites\n"],
    ["begin nix\n", '/c:1: "nix" is not a known section name'],
    ["begin retyr\n", '/c:1: "retyr" is not a known section name (did you mean retry?)'],
    ["begin acl x\n", '/c:1: "acl x" is not a known section name (did you mean acl?)'],
    ["begin acl\nbegin acls\n", '/c:2: "acls" section is repeated'],
    ["begin\n", '/c:1: option "begin" unknown'],
    ["begin local_scan\n"],
    ["begin local_scan\nx = 1\n", "/c:2: local_scan() is not available: write the rule as an ACL"],
  ];
  for (const [text, problem] of cases) {
    test(`${text.trim().replaceAll("\n", "; ")}: ${problem === undefined ? "taken" : "refused"}`, () => {
      assert.deepEqual(readText(text).all, problem === undefined ? [] : [problem]);
    });
  }
});
