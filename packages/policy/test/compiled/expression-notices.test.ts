import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { expressionNotices } from "../../src/compiled/expression-notices.ts";
import { formatProblem } from "../../src/reader/problem.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";
import { policyOf } from "../policy-of.ts";

/** The notices of lines of the file, without its name. */
function noticesOf(text: string): string[] {
  const notices = policyOf(`primary_hostname = mx.here.test\n${text}`).notices;
  return notices.filter((notice) => /^p\.conf:[0-9]/.test(notice)).map((notice) => notice.slice("p.conf:".length));
}

/** Each loads in Exim (`exim -bV`), which fails when it comes by the place. */
const SLIPS: readonly (readonly [what: string, text: string, notice: string])[] = [
  ["a variable of the main section", "smtp_banner = $tod_ful", '2: smtp_banner: unknown variable name "tod_ful"'],
  [
    "an item of a router",
    "begin routers\nr:\n driver = redirect\n data = ${lokup{x}lsearch{/f}}",
    '5: router r: data: "${lokup" is not a known operator (or a } is missing in a variable reference)',
  ],
  [
    "a type of lookup of a router",
    "begin routers\nr:\n driver = redirect\n data = ${lookup{x}lserch{/f}}",
    '5: router r: data: unknown lookup type "lserch"',
  ],
  [
    "a brace of a router, in one line",
    "begin routers\nr:\n driver = redirect\n data = ${lookup{x}lsearch{/f}",
    "5: router r: data: curly-bracket problem in conditional yes/no parsing: 'yes' part did not start with '{', remaining string is ''",
  ],
  [
    "one of several conditions of a router",
    "begin routers\nr:\n driver = redirect\n condition = yes\n condition = ${if mtch{a}{b}}\n data = :blackhole:",
    '5: router r: condition: unknown condition "mtch"',
  ],
  [
    "a transport",
    "begin transports\nt:\n driver = smtp\n port = $nonesuch",
    '5: transport t: port: unknown variable name "nonesuch"',
  ],
  [
    "a named list",
    "domainlist d = +relays\ndomainlist relay = *",
    '2: domainlist d: unknown named domain list "+relays" (did you mean relay?)',
  ],
  [
    "a named list of another kind",
    "hostlist d = 10.0.0.1\ndomainlist e = +d",
    '3: domainlist e: unknown named domain list "+d"',
  ],
  [
    "an item beside one that is expanded",
    "hostlist h = $primary_hostname : +e",
    '2: hostlist h: unknown named host list "+e"',
  ],
  [
    "a network",
    "host_lookup = 2001::db8::::::/32",
    '2: host_lookup: "2001:db8:::/32" is no host name and no IP address',
  ],
  [
    "a mask for IPv6",
    "host_lookup = <; 2001:db8::/129",
    '2: host_lookup: "2001:db8::/129": the mask is longer than 128 bits',
  ],
  ["an address", "host_lookup = 10.0.0.256", '2: host_lookup: "10.0.0.256" is no host name and no IP address'],
  ["a colon that is no separator", "host_lookup = ::1", '2: host_lookup: ":1" is no host name and no IP address'],
  ["a lookup of hosts", "host_lookup = net-lserch;/f", '2: host_lookup: unknown lookup type "lserch"'],
  ["a domain of an address", "addresslist a = x@+none", '2: addresslist a: unknown named domain list "+none"'],
  [
    "a pattern of an ACL",
    "begin acl\na:\n deny local_parts = x : ! ^[.",
    '4: local_parts: regular expression error in "^[.": missing terminating ] for character class at offset 3',
  ],
  ["a list of an ACL", "begin acl\na:\n deny hosts = +relay", '4: hosts: unknown named host list "+relay"'],
  ["an expansion of an ACL's list, once", "begin acl\na:\n deny hosts = $nope", '4: unknown variable name "nope"'],
  ["a message", "begin acl\na:\n deny message = $nope", '4: message: unknown variable name "nope"'],
  ["a modifier", "begin acl\na:\n warn set acl_m0 = $nope", '4: unknown variable name "nope"'],
  [
    "a word of a route",
    "begin routers\nr:\n driver = manualroute\n route_list = * host.test bynam\n transport = t\nbegin transports\nt:\n driver = smtp",
    '5: router r: route_list: unknown routing option or transport name "bynam" (did you mean byname?)',
  ],
  [
    "hosts of a route",
    "begin routers\nr:\n driver = manualroute\n route_list = * $nope t\nbegin transports\nt:\n driver = smtp",
    '5: router r: route_list: unknown variable name "nope"',
  ],
  [
    "a pattern of a route",
    "begin routers\nr:\n driver = manualroute\n route_list = a.test h.test ; +far h.test\n transport = t\nbegin transports\nt:\n driver = smtp",
    '5: router r: route_list: unknown named domain list "+far"',
  ],
  ["a retry rule", "begin retry\n*@+far * F,1h,5m", '3: retry rule: unknown named domain list "+far"'],
  [
    "a hidden value, without showing it",
    "hide smtp_banner = $secret",
    "2: smtp_banner: its hidden value cannot be used",
  ],
];

/** None of these is a slip. */
const SOUND: readonly (readonly [what: string, text: string])[] = [
  ["words that change items", "hostlist h = +ignore_unknown : *.test\naddresslist a = +caseful : X@y.test"],
  ["items of hosts", "hostlist h = : * : @ : @[] : 10.0.0.0/8 : a-b.test : net24-lsearch;/f : ^x : ! *.y"],
  ["IPv6 addresses", "hostlist h = <; 2001:db8::/32 ; ::1 ; 10.0.0.0/8\nhostlist i = ::::1 : 2001::db8::::/32"],
  ["items of domains", "domainlist d = @ : @[] : @mx_any/ignore=127.0.0.1 : *.test : ^a.b : lsearch;/f : /f : !x"],
  ["items of addresses", "domainlist d = x\naddresslist a = *@+d : x@@ : ^.*@x : @@lsearch;/f : lsearch;/f : x.test :"],
  ["items in expansions", "domainlist d = ${if eq{$domain}{b} {x:+y}{^[:z}} : \\N^a[:+]$\\N"],
  ["a pattern with \\N", "domainlist d = \\N^[a-z]+\\.test$\\N"],
  [
    "routes",
    'begin routers\nr:\n driver = manualroute\n route_list = a.test h.test::26 byname t ; * "h.test : i.test" randomize $domain\nbegin transports\nt:\n driver = smtp',
  ],
  ["what is not expanded", "gecos_pattern = ${nope"],
];

describe("notices about strings and lists", () => {
  for (const [what, text, notice] of SLIPS) {
    test(`${what}: a slip is told with its place`, () => assert.deepEqual(noticesOf(text), [notice]));
  }
  for (const [what, text] of SOUND) {
    test(`${what}: nothing is told`, () => assert.deepEqual(noticesOf(text), []));
  }
  test("of drivers of all kinds", () => {
    const { configuration } = readConfiguration({
      file: "p.conf",
      macros: new Map(),
      readFile: () =>
        Buffer.from(
          "begin transports\nt:\n driver = smtp\n hosts_avoid_tls = 10.0.0.0/33\n" +
            "begin authenticators\na:\n driver = plaintext\n public_name = PLAIN\n server_condition = $nope\n",
        ),
    });
    assert.deepEqual(expressionNotices(configuration).map(formatProblem), [
      'p.conf:4: transport t: hosts_avoid_tls: "10.0.0.0/33": the mask is longer than 32 bits',
      'p.conf:9: authenticator a: server_condition: unknown variable name "nope"',
    ]);
  });
  test("the example policy has none", () => {
    const text = readFileSync(new URL("../../../../deploy/policies/postbus.conf", import.meta.url), "latin1");
    assert.deepEqual(noticesOf(text), []);
  });
});
