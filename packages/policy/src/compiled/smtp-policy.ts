import { isIP } from "node:net";
import { splitList } from "../matching/split-list.ts";
import type { MainOptions } from "../options/main/index.ts";
import type { SmtpPolicy } from "../policy.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { ProblemList } from "../reader/problem.ts";

/** RFC 6335 names that Exim configurations use. */
const SERVICES: Readonly<Record<string, number>> = {
  __proto__: null as never,
  smtp: 25,
  smtps: 465,
  ssmtp: 465,
  submission: 587,
  submissions: 465,
};

/** Fields that are made on final delivery (RFC 5321 §4.4), so that those which come tell of another one. */
const REMOVED = [
  ["return_path_remove", "return-path"],
  ["envelope_to_remove", "envelope-to"],
  ["delivery_date_remove", "delivery-date"],
] as const;

/** Connections that wait to be accepted, where the file does not say. */
const BACKLOG = 511;

/** What the main section says about sessions. What has to be the same for all of them may not need an expansion. */
export function smtpPolicy(configuration: Configuration, problems: ProblemList): SmtpPolicy {
  const { main } = configuration;
  const error = (name: keyof MainOptions & string, text: string): void => {
    problems.error(main.setting(name)?.place ?? { file: "default", line: 0 }, `${name}: ${text}`);
  };
  const number = (
    name:
      | "message_size_limit"
      | "recipients_max"
      | "smtp_accept_max_per_connection"
      | "smtp_accept_max_per_host"
      | "smtp_receive_timeout",
  ): number => {
    const value = main.get(name);
    if (typeof value === "number") return value;
    // What is expanded holds for one client (`ExpandedOptions`, `admissionTests`); without it, what Exim has without the option.
    const usual = main.table[name].value;
    return typeof usual === "number" ? usual : 0;
  };
  const list = (
    name: "local_interfaces" | "daemon_smtp_ports" | "tls_on_connect_ports",
    isGood: (item: string) => boolean,
    what: string,
  ) => {
    const items = [...splitList(main.get(name) ?? "").items];
    const bad = items.find((item) => !isGood(item));
    if (bad !== undefined) error(name, `${what} is expected, not "${bad}"`);
    else if (items.length === 0 && name !== "tls_on_connect_ports") error(name, `at least one is expected: ${what}`);
    return items;
  };
  const tlsPorts = new Set(list("tls_on_connect_ports", isPort, "a port").map(portOf));
  if (tlsPorts.size > 0 && (main.get("tls_certificate") ?? "") === "") {
    error("tls_on_connect_ports", "there is no tls_certificate for it");
  }
  return {
    interfaces: list("local_interfaces", (item) => isIP(item) !== 0, "an IP address"),
    ports: list("daemon_smtp_ports", isPort, "a port").map(portOf),
    tlsPorts,
    messageSizeLimit: number("message_size_limit"),
    // Exim's default of 1,000 protects its processes, which grow; here a connection may carry on.
    mailMax:
      main.setting("smtp_accept_max_per_connection") === undefined ? 0 : number("smtp_accept_max_per_connection"),
    recipientsMax: number("recipients_max"),
    refusesTooManyRecipients: main.get("recipients_max_reject"),
    heloCharacters: main.get("helo_allow_chars") ?? "",
    receivedHeadersMax: main.get("received_headers_max"),
    headerMaxOctets: main.get("header_maxsize"),
    headerLineMaxOctets: main.get("header_line_maxsize"),
    stripsTrailingDot: main.get("strip_trailing_dot"),
    stripsExcessBrackets: main.get("strip_excess_angle_brackets"),
    remembersExtended: main.get("tls_remember_esmtp"),
    receivedHeaderText:
      main.setting("received_header_text") === undefined ? undefined : main.get("received_header_text"),
    removedFields: new Set(REMOVED.flatMap(([option, field]) => (main.get(option) ? [field] : []))),
    offersPrdr: main.get("prdr_enable"),
    acceptMax: main.get("smtp_accept_max"),
    acceptReserve: main.get("smtp_accept_reserve"),
    loadReserve: main.get("smtp_load_reserve"),
    acceptMaxPerHost: number("smtp_accept_max_per_host"),
    maxSyntaxErrors: main.get("smtp_max_synprot_errors"),
    maxNonmail: main.get("smtp_accept_max_nonmail"),
    acceptsLiterals: main.get("allow_domain_literals"),
    maxUnknownCommands: main.get("smtp_max_unknown_commands"),
    // Exim's default of 20 is from a time of slower peers; one burst fills it.
    backlog: main.setting("smtp_connect_backlog") === undefined ? BACKLOG : main.get("smtp_connect_backlog"),
    keepAlive: main.get("smtp_accept_keepalive"),
    offersEightBitMime: main.get("accept_8bitmime"),
    enforcesSync: main.get("smtp_enforce_sync"),
    receiveTimeoutMs: number("smtp_receive_timeout"),
    proxyTimeoutMs: main.get("proxy_protocol_timeout"),
    bodyVisibleOctets: main.get("message_body_visible"),
  };
}

const portOf = (item: string): number => SERVICES[item] ?? (/^[0-9]{1,5}$/.test(item) ? Number(item) : Infinity);
const isPort = (item: string): boolean => portOf(item) <= 65_535;
