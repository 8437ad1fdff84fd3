import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type DnsZone, program, startDnsServer } from "@postbus/testkit";
import { programSession } from "../examples/program-session.ts";
import { temporaryDirectory } from "../support/fixture.ts";

const exim = program("exim-4.98");
const unshare = process.getuid?.() === 0 ? program("unshare") : undefined;
const HELPER = resolve(import.meta.dirname, "../support/exim-with-dns.ts");

const spf = (...TXT: string[]) => ({ TXT });
const ZONE: DnsZone = {
  "pass.ex": spf("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"),
  "fail.ex": spf("v=spf1 -all"),
  "softfail.ex": spf("v=spf1 ~all"),
  "neutral.ex": spf("v=spf1 ?all"),
  "default.ex": spf("v=spf1 ip4:198.51.100.1"),
  "redirect.ex": spf("v=spf1 redirect=fail.ex"),
  "redirect-default.ex": spf("v=spf1 redirect=default.ex"),
  "include.ex": spf("v=spf1 include:pass.ex ~all"),
  "include-temp.ex": spf("v=spf1 include:temp.ex -all"),
  "temp.ex": "SERVFAIL",
  "a.ex": { ...spf("v=spf1 a/24 -all"), A: ["192.0.2.99"] },
  "mx.ex": { ...spf("v=spf1 mx -all"), MX: ["10 a.mx.ex"] },
  "a.mx.ex": { A: ["192.0.2.1"], AAAA: ["2001:db8::1"] },
  "exists.ex": spf("v=spf1 exists:%{ir}.%{v}.%{l}.exists.ex -all"),
  "1.2.0.192.in-addr.joe.exists.ex": { A: ["127.0.0.2"] },
  "explained.ex": spf("v=spf1 exp=why.explained.ex -all"),
  "why.explained.ex": spf("%{i} may not"),
  "nothing.ex": { ...spf("words"), A: ["192.0.2.77"] },
  "far.ex": { ...spf("words"), A: ["203.0.113.9"] },
  "helo.ex": spf("v=spf1 ip4:192.0.2.1 -all"),
};
const SENDERS = [
  ...Object.keys(ZONE)
    // Exim calls it invalid; the difference is documented.
    .filter((domain) => domain !== "temp.ex")
    .map((domain) => `joe@${domain}`),
  ...["joe@no-such.ex", "Joe@PASS.ex", "a+b%c@fail.ex", ""],
];
const CLIENTS = ["192.0.2.1", "198.51.100.7", "2001:db8::1"];

const VARIABLES = "[$spf_result] [$spf_header_comment] [$spf_smtp_comment] [$spf_received] [$spf_result_guessed]";
const config = (own: string): string => `primary_hostname = mx.test
${own}host_lookup =
smtp_accept_max_nonmail = 1000
spf_smtp_comment_template = By%_%{c}:%_%{o}%_%{L}%_%{ir}
acl_smtp_rcpt = r
begin acl
r:
  warn !spf = nothing
       logwrite = of <$sender_address> $spf_result ${VARIABLES}
  warn spf = pass : !fail
       logwrite = pass or not fail
  warn !spf_guess = nothing
       logwrite = guess ${VARIABLES}
  accept logwrite = \${sg{\${authresults {mx.test}}}{\\n\\t}{ }}
`;

const LINES = [
  "EHLO helo.ex",
  ...SENDERS.flatMap((sender) => [`MAIL FROM:<${sender}>`, "RCPT TO:<x@test>", "RSET"]),
  "QUIT",
];

test("SPF and what is said of it, as with a real Exim", {
  skip:
    (exim === undefined && "no exim-4.98 here: nothing is compared") ||
    (unshare === undefined && "not root, or no unshare here: nothing is compared"),
  timeout: 600_000,
}, async (t) => {
  const directory = await temporaryDirectory(t, "spf");
  const files = {
    zone: join(directory, "zone.json"),
    resolv: join(directory, "resolv.conf"),
    config: join(directory, "exim.conf"),
  };
  await writeFile(files.zone, JSON.stringify(ZONE));
  await writeFile(files.resolv, "nameserver 127.0.0.1\n");
  await writeFile(files.config, config(`spool_directory = ${directory}\nlog_file_path = ${directory}/%slog\n`));
  const dns = await startDnsServer(ZONE);
  t.after(() => dns.stop());
  for (const client of CLIENTS) {
    const theirs = await eximSession(files, client);
    const ours = await programSession(t, config(""), {
      ...{ client, lines: LINES, env: { POSTBUS_DNS_SERVERS: dns.address } },
    });
    const told = ours.trace.split("\n").flatMap((line) => /^>>> LOG: main: (.*)$/.exec(line)?.[1] ?? []);
    assert.deepEqual(told.filter(isOurs), theirs.filter(isOurs), client);
    assert.ok(theirs.length > SENDERS.length);
  }
});

/** Lines of the log that the ACL writes. */
const isOurs = (line: string): boolean => /^(?:of|pass|guess|Authentication-Results:) /.test(line);

async function eximSession(
  { zone, resolv, config }: { readonly zone: string; readonly resolv: string; readonly config: string },
  client: string,
): Promise<readonly string[]> {
  const script = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  const own = [process.execPath, HELPER, zone, exim ?? "", "-C", config, "-bh", client];
  const child = spawn(unshare ?? "", ["-m", "-n", "sh", "-c", script, "sh", resolv, ...own], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  child.stdin.end(LINES.map((line) => `${line}\r\n`).join(""));
  const said = await text(child.stderr.setEncoding("latin1"));
  return said.split("\n").flatMap((line) => /^LOG: (.*)$/.exec(line)?.[1] ?? []);
}
