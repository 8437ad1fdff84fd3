/** What an example adds to the frame; absent: nothing. */
export interface Parts {
  /** Lines of the main section. */
  readonly main?: string;
  /** Statements of the ACL for connections, before `accept`; absent: there is no such ACL. */
  readonly connect?: string;
  /** Likewise for MAIL. */
  readonly mail?: string;
  /** Statements before the `accept` of the two ACLs that are always there. */
  readonly rcpt?: string;
  readonly data?: string;
  /** Further ACLs, with their names. */
  readonly acls?: string;
  /** Routers before those of the frame. */
  readonly routers?: string;
  /** Options of the frame's smtp transport. */
  readonly smtp?: string;
  /** Further transports. */
  readonly transports?: string;
}

/**
 * The configuration in which the examples of the feature documents stand: a gateway for one local domain, with a way out
 * over a host of this machine.
 */
export function around(parts: Parts = {}): string {
  const { main = "", connect, mail, rcpt = "", data = "", acls = "", routers = "", smtp = "", transports = "" } = parts;
  const named = (name: string, statements: string | undefined): string =>
    statements === undefined ? "" : `acl_check_${name}:\n${statements}\n  accept\n`;
  const option = (name: string, statements: string | undefined): string =>
    statements === undefined ? "" : `acl_smtp_${name} = acl_check_${name}\n`;
  return `primary_hostname = mx.test.example
domainlist local_domains = test.example
domainlist relay_to_domains = relay.example
hostlist   relay_from_hosts = 127.0.0.1
${main}
${option("connect", connect)}${option("mail", mail)}acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data

begin acl
${named("connect", connect)}${named("mail", mail)}${named("rcpt", rcpt)}${named("data", data)}${acls}
begin routers
${routers}
remote:
  driver = manualroute
  domains = ! +local_domains
  route_list = * 127.0.0.1
  self = send
  transport = remote_smtp
local:
  driver = accept
  transport = local_delivery

begin transports
remote_smtp:
  driver = smtp
${smtp}
local_delivery:
  driver = appendfile
  file = ./mail/$local_part_data
${transports}
begin retry
* * F,1h,5m
`;
}
