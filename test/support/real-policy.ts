/** Whom each message is for, and how each of them ends. */
export const ENDS = {
  delivered: ["good@sink.test", "other@sink.test", "later@sink.test", "list1@sink.test", "list2@sink.test"],
  kept: ["box@local.test"],
  reported: ["refused@sink.test", "nobody@local.test"],
} as const;

/** As a client gives them: a list stands for two. */
export const RECIPIENTS: readonly string[] = [
  ...["good@sink.test", "other@sink.test", "later@sink.test", "refused@sink.test"],
  ...["box@local.test", "nobody@local.test", "list@local.test"],
];

/** What the next hop says to recipients: no to one, and to another not now, every second time. */
export function refusals(): (recipient: string) => { readonly code: number; readonly text: string } | undefined {
  let later = 0;
  return (recipient) => {
    if (recipient === "refused@sink.test") return { code: 550, text: "no such user" };
    return recipient === "later@sink.test" && later++ % 2 === 0 ? { code: 451, text: "not now" } : undefined;
  };
}

/**
 * A policy of the size of real ones: eight statements for each RCPT, four routers; several recipients, an alias list, a mailbox, a
 * router and a host that refuse.
 */
export const realPolicy = (sinkPort: number): string => `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
primary_hostname = mx.real.test
domainlist local_domains = local.test : @
domainlist relay_to_domains = relay.test
hostlist relay_from_hosts = 127.0.0.1
keep_environment = POSTBUS_DATA
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data

begin acl
acl_check_rcpt:
  deny    domains     = +local_domains
          local_parts = ^[.] : ^.*[@%!/|]
          message     = restricted characters in address
  deny    domains     = !+local_domains
          local_parts = ^[./|] : ^.*[@%!] : ^.*/\\\\.\\\\./
  accept  local_parts = postmaster
          domains     = +local_domains
  require verify      = sender
  accept  hosts       = +relay_from_hosts
  require message     = relay not permitted
          domains     = +local_domains : +relay_to_domains
  require verify      = recipient
  accept
acl_check_data:
  accept

begin routers
nobody:
  driver = redirect
  domains = +local_domains
  local_parts = nobody
  allow_fail
  data = :fail: no such user
aliases:
  driver = redirect
  domains = +local_domains
  data = \${if eq{$local_part}{list}{list1@sink.test, list2@sink.test}}
localuser:
  driver = accept
  domains = +local_domains
  local_parts = box
  transport = maildir
smarthost:
  driver = manualroute
  domains = ! +local_domains
  route_list = * 127.0.0.1
  self = send
  transport = out

begin transports
out:
  driver = smtp
  port = ${sinkPort}
  allow_localhost
maildir:
  driver = appendfile
  maildir_format
  directory = \${env{POSTBUS_DATA}}/mail/box

begin retry
* * F,1h,1s
`;
