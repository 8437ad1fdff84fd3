import { createHash } from "node:crypto";
import { join } from "node:path";
import { ConfigError } from "@postbus/mail";
import type { RetryStep } from "@postbus/queue";
import { builtinAcl } from "./builtin/acl.ts";
import { type MacroSettings, readMacroSettings } from "./builtin/macro-settings.ts";
import { mailboxPath } from "./builtin/mailbox-path.ts";
import { parseRetryRule } from "./builtin/retry-rule.ts";
import { builtinRoute } from "./builtin/routes.ts";
import type { Site } from "./builtin/site.ts";
import { wantedFacts } from "./builtin/wanted-facts.ts";
import { logicalLines } from "./config/logical-lines.ts";
import { Macros } from "./config/macros.ts";
import type { MainOptions } from "./config/main-options.ts";
import { readMainSection } from "./config/main-section.ts";
import { Problems } from "./config/problems.ts";
import { compileDomainList } from "./lists/domain-list.ts";
import { compileHostList } from "./lists/host-list.ts";
import { compileNamedLists } from "./lists/named-lists.ts";
import type { Policy, SmtpPolicy, Transport } from "./policy.ts";

export interface PolicySource {
  /** Name of the file, for its problems. */
  readonly file: string;
  readonly text: string;
  /** Win over those of the file. */
  readonly macros: ReadonlyMap<string, string>;
  /** This machine's name, unless the file has a `primary_hostname`. */
  readonly hostname: string;
  /** Where mailboxes are, unless the file has a `MAILDIR`: `mail` in it. Absolute. */
  readonly dataDirectory: string;
}

const MINUTE_MS = 60_000;
/** The rule of Exim's example configuration. */
const DEFAULT_RETRY: readonly RetryStep[] = parseRetryRule("F,2h,15m; G,16h,1h,1.5; F,4d,6h");

/**
 * Makes a policy of a file in Exim's syntax. Reads nothing else and changes nothing: equal sources give equal policies.
 *
 * @throws {ConfigError} all problems of the file, one a line, as `file:line: text`.
 */
export function compilePolicy({ file, text, macros: given, hostname, dataDirectory }: PolicySource): Policy {
  const problems = new Problems();
  const macros = problems.try(file, () => new Macros(given)) ?? new Macros(new Map());
  const { options, domainLists, hostLists, notices } = readMainSection(
    logicalLines(file, text, macros, problems),
    problems,
  );
  const settings = readMacroSettings(macros, problems);
  const primaryHostname = options.primary_hostname ?? hostname;
  const domains = compileNamedLists(
    "domainlist",
    domainLists,
    (list, named) => compileDomainList(list, primaryHostname, named),
    problems,
  );
  const hosts = compileNamedLists("hostlist", hostLists, compileHostList, problems);
  problems.throwIfAny();

  const site: Site = {
    qualifyDomain: (options.qualify_domain ?? primaryHostname).toLowerCase(),
    isLocalDomain: domains.get("local_domains") ?? none,
    mayRelay: hosts.get("relay_from_hosts") ?? none,
    smarthosts: settings.SMARTHOST ?? [],
  };
  const transports = builtinTransports(settings, join(dataDirectory, "mail"), site.qualifyDomain);
  const retry = settings.RETRY ?? DEFAULT_RETRY;
  return {
    version: versionOf(text, given),
    notices: [...notices, ...noticesAbout(site, options, macros, primaryHostname)],
    primaryHostname,
    qualifyDomain: site.qualifyDomain,
    smtp: smtpPolicy(options),
    acl: builtinAcl(site),
    facts: wantedFacts(site, settings.VERIFY ?? "inbound", settings.SCAN ?? false),
    route: builtinRoute(site),
    transport(name) {
      const transport = transports.get(name);
      if (transport === undefined) throw new ConfigError(`the policy has no transport "${name}"`);
      return transport;
    },
    retryRule: () => retry,
  };
}

const none = (): boolean => false;

/** Defaults as in Exim 4.98. */
function smtpPolicy(options: MainOptions): SmtpPolicy {
  const { tls_certificate: certificate, tls_privatekey: privateKey } = options;
  return {
    interfaces: options.local_interfaces ?? ["0.0.0.0", "::"],
    ports: options.daemon_smtp_ports ?? [25],
    messageSizeLimit: options.message_size_limit ?? 50 * 1024 ** 2,
    recipientsMax: options.recipients_max ?? 50_000,
    receivedHeadersMax: options.received_headers_max ?? 30,
    headerMaxOctets: options.header_maxsize ?? 1024 ** 2,
    acceptMax: options.smtp_accept_max ?? 20,
    acceptMaxPerHost: options.smtp_accept_max_per_host ?? 0,
    maxSyntaxErrors: options.smtp_max_synprot_errors ?? 3,
    maxUnknownCommands: options.smtp_max_unknown_commands ?? 3,
    receiveTimeoutMs: options.smtp_receive_timeout ?? 5 * MINUTE_MS,
    // One file may hold both.
    ...(certificate ? { tls: { certificate, privateKey: privateKey || certificate } } : {}),
  };
}

/** Timeouts and limits as in Exim's smtp transport, unless a macro says otherwise. */
function builtinTransports(
  settings: MacroSettings,
  defaultMaildir: string,
  qualifyDomain: string,
): ReadonlyMap<string, Transport> {
  const base = settings.MAILDIR ?? defaultMaildir;
  const all: readonly Transport[] = [
    { driver: "appendfile", name: "maildir", directory: (address) => mailboxPath(base, qualifyDomain, address) },
    {
      driver: "smtp",
      name: "smarthost_smtp",
      hosts: settings.SMARTHOST ?? [],
      port: 25,
      connectTimeoutMs: settings.SMTP_CONNECT_TIMEOUT ?? 5 * MINUTE_MS,
      commandTimeoutMs: settings.SMTP_COMMAND_TIMEOUT ?? 5 * MINUTE_MS,
      dataTimeoutMs: settings.SMTP_DATA_TIMEOUT ?? 5 * MINUTE_MS,
      finalTimeoutMs: settings.SMTP_FINAL_TIMEOUT ?? 10 * MINUTE_MS,
      maxRcpt: settings.SMTP_MAX_RCPT ?? 100,
      connectionMaxMessages: settings.SMTP_CONNECTION_MAX_MESSAGES ?? 500,
      maxConnections: settings.SMTP_MAX_CONNECTIONS ?? 20,
      requireTls: settings.SMTP_REQUIRE_TLS ?? false,
    },
  ];
  return new Map(all.map((transport) => [transport.name, transport]));
}

/** Documentation addresses far from each other: a list that has both has everybody (RFC 5737, RFC 3849, RFC 9637). */
const EVERYWHERE = [
  ["192.0.2.1", "203.0.113.1"],
  ["2001:db8::1", "3fff::1"],
];

function noticesAbout(site: Site, options: MainOptions, macros: Macros, primaryHostname: string): string[] {
  const notices: string[] = [];
  if (!primaryHostname.includes(".")) notices.push(`primary_hostname is not a qualified name: ${primaryHostname}`);
  if (EVERYWHERE.some((far) => far.every(site.mayRelay))) {
    notices.push("relay_from_hosts has hosts of everywhere in it: an open relay");
  }
  if (options.tls_privatekey && !options.tls_certificate) {
    notices.push("tls_privatekey without tls_certificate: TLS is not offered");
  }
  for (const { name, nearest } of macros.unusedFromOutside()) {
    notices.push(`macro ${name} is given but not used${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`);
  }
  return notices;
}

function versionOf(text: string, macros: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256").update(text);
  for (const [name, value] of [...macros].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`\0${name}\0${value}`);
  return hash.digest("hex").slice(0, 16);
}
