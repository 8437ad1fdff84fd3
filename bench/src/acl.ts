import { AclSession, Acls, policySurroundings, readConfiguration, SmtpAcls, sessionNames } from "@postbus/policy";

/**
 * How many ACL runs a core does: one for RCPT of 12 typical statements, none of which looks anything up.
 *
 *     node bench/src/acl.ts [runs]
 */
const [runs = 400_000] = process.argv.slice(2).map(Number);

const TEXT = `primary_hostname = mx.test.example
domainlist local_domains = @ : test.example : ${Array.from({ length: 18 }, (_, i) => `d${i}.example`).join(" : ")}
domainlist relay_to_domains = relay.example
hostlist relay_from_hosts = 127.0.0.1 : 10.0.0.0/8 : 192.168.0.0/16
acl_smtp_rcpt = check

begin acl

check:
  accept  hosts         = :
          control       = dkim_disable_verify
  deny    message       = Restricted characters in address
          domains       = +local_domains
          local_parts   = ^[.] : ^.*[@%!/|]
  deny    message       = Restricted characters in address
          domains       = !+local_domains
          local_parts   = ^[./|] : ^.*[@%!] : ^.*/\\\\.\\\\./
  accept  local_parts   = postmaster
          domains       = +local_domains
  warn    condition     = \${if eq{$sender_helo_name}{}}
          set acl_c_bad = \${eval:0$acl_c_bad + 1}
  warn    set acl_m_key = \${lc:$sender_address_domain}/$domain
  deny    senders       = *@spam.example : bad@worse.example
          message       = not you, $sender_address
  accept  hosts         = +relay_from_hosts
          control       = submission
  accept  authenticated = *
          control       = submission
  require message       = relay not permitted
          domains       = +local_domains : +relay_to_domains
  deny    condition     = \${if >{$acl_c_bad}{3}{yes}{no}}
          message       = too many errors
  accept
`;

const text = Buffer.from(TEXT, "latin1");
const { configuration, problems } = readConfiguration({
  file: "/policy",
  readFile: (path) => (path === "/policy" ? text : undefined),
});
const errors = problems.filter(({ kind }) => kind === "error");
if (errors.length > 0) throw new Error(JSON.stringify(errors));
const { shared } = policySurroundings(configuration, { hostname: "mx", localAddresses: [], environment: {} });
const names = sessionNames(configuration, { primaryHostname: "mx.test.example", file: "/policy", version: "0" });
const session = new AclSession({ address: "198.51.100.20", port: 4000 }, names, shared, {});
const acls = new SmtpAcls(session, new Acls(configuration));
session.connection.helo = "client.example";
await acls.mail({ returnPath: "anna@out.example" });

async function measure(count: number): Promise<number> {
  const started = performance.now();
  let accepted = 0;
  for (let i = 0; i < count; i++) {
    const answer = acls.recipient("ann@test.example");
    // Now and then, others are let run.
    const { verdict } = answer instanceof Promise ? await answer : answer;
    if (verdict === "accept") accepted++;
    session.message.recipients.length = 0;
  }
  if (accepted !== count) throw new Error(`${accepted} of ${count} accepted`);
  return (count / (performance.now() - started)) * 1000;
}

await measure(runs / 10);
process.stdout.write(`ACL of 12 statements: ${Math.round(await measure(runs))} runs a second\n`);
