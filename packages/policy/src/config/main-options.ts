import { isIP } from "node:net";
import { ValueError } from "./problems.ts";
import { splitList } from "./split-list.ts";
import { domainName, integer, plain, timeout } from "./values.ts";

/**
 * The main options that the built-in policy obeys, each with the reader of its value. Adding one = a line here, its
 * default in compile-policy.ts, rows in the test. (`domainlist` and `hostlist` are read in main-section.ts.)
 */
export const mainOptions = {
  daemon_smtp_ports: ports,
  header_maxsize: integer,
  local_interfaces: interfaces,
  message_size_limit: integer,
  primary_hostname: domainName,
  qualify_domain: domainName,
  received_headers_max: integer,
  recipients_max: integer,
  smtp_accept_max: integer,
  smtp_accept_max_per_host: integer,
  smtp_max_synprot_errors: integer,
  smtp_max_unknown_commands: integer,
  smtp_receive_timeout: timeout,
  tls_certificate: plain,
  tls_privatekey: plain,
};

export type MainOptions = { [K in keyof typeof mainOptions]?: ReturnType<(typeof mainOptions)[K]> };

/** RFC 6335 names that Exim configurations use. */
const SERVICES: Readonly<Record<string, number>> = { smtp: 25, submission: 587 };

function ports(text: string): number[] {
  const found = splitList(plain(text)).map((item) => SERVICES[item] ?? (/^[0-9]+$/.test(item) ? Number(item) : -1));
  const isPort = (port: number) => port >= 0 && port <= 65_535;
  if (found.length === 0 || !found.every(isPort)) throw new ValueError(`a list of ports is expected, not "${text}"`);
  return found;
}

function interfaces(text: string): string[] {
  const items = splitList(plain(text));
  const bad = items.find((item) => isIP(item) === 0);
  if (bad !== undefined) throw new ValueError(`a list of IP addresses is expected; "${bad}" is none`);
  if (items.length === 0) throw new ValueError("at least one IP address is expected");
  return items;
}
