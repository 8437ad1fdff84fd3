import { DeferError } from "@postbus/mail";
import type { CompiledClientAuthenticator } from "../../authenticators/client/client-authenticator.ts";
import { ConnectionVariables } from "../../authenticators/client/connection-variables.ts";
import { type Eventual, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import { splitList } from "../../matching/split-list.ts";
import type { CompiledTransport } from "../../policy.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import { readBoolean } from "../../reader/option-value.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { parseRate } from "../../reader/rate.ts";
import { ValueError } from "../../reader/value-error.ts";
import { dscpOf } from "./dscp.ts";
import { ExpandedOptions, expandedOption } from "./expanded-options.ts";
import { compileFilter, filterOf } from "./filter.ts";
import { CompiledHostTerms } from "./host-terms.ts";
import type { SiteNames } from "./local/site-names.ts";
import { compileMessageOptions } from "./message-options.ts";
import { compileSigning } from "./signing/compile-signing.ts";
import type { SmtpTransport } from "./smtp-transport.ts";
import { variablesIn } from "./variables-in.ts";

type Settings = Extract<TransportSettings, { kind: "smtp" }>;
type Options = Settings["options"];
type Expanded =
  | "hosts"
  | "fallback_hosts"
  | "hosts_randomize"
  | "port"
  | "max_rcpt"
  | "max_parallel"
  | "retry_include_ip_address"
  | "utf8_downconvert";

/** Connections to one host where nothing limits them: more would be a flood to any host. */
const MAX_CONNECTIONS = 20;
const SERVICES: Readonly<Record<string, number>> = {
  __proto__: null as never,
  smtp: 25,
  submission: 587,
  submissions: 465,
  smtps: 465,
  lmtp: 24,
};
const PORTS: Readonly<Record<string, string>> = { smtp: "25", smtps: "465", submissions: "465", lmtp: "lmtp" };

/** What is the same for all smtp transports. */
export interface SmtpParts {
  readonly shared: SharedSurroundings;
  readonly authenticators: readonly CompiledClientAuthenticator[];
  /** Where we listen. */
  readonly ports: ReadonlySet<number>;
  readonly names: SiteNames;
}

/** A transport to other hosts. Without `$` in its options it is the same object for every message. */
export function compileSmtp(
  { name, options, place }: Settings,
  parts: SmtpParts,
  problems: ProblemList,
): CompiledTransport | undefined {
  try {
    return compiled(name, options, parts);
  } catch (err) {
    if (!(err instanceof DeferError)) throw err;
    problems.error(place, `transport ${name}: ${err.message}`);
    return undefined;
  }
}

/** @throws {DeferError} an option that is the same for all messages is wrong. */
function compiled(
  name: string,
  options: Options,
  { shared, authenticators, ports, names }: SmtpParts,
): CompiledTransport {
  const expanded = new ExpandedOptions<Expanded>({
    hosts: options.get("hosts") ?? "",
    fallback_hosts: options.get("fallback_hosts") ?? "",
    hosts_randomize: String(options.get("hosts_randomize")),
    port: options.get("port") ?? PORTS[options.get("protocol")] ?? "25",
    max_rcpt: String(options.get("max_rcpt")),
    max_parallel: String(options.get("max_parallel") ?? MAX_CONNECTIONS),
    retry_include_ip_address: String(options.get("retry_include_ip_address")),
    utf8_downconvert: options.get("utf8_downconvert"),
  });
  const filter = compileFilter({ name, kind: "smtp" }, options, shared);
  const terms = new CompiledHostTerms(options, authenticators, shared, filter !== undefined);
  const fixed = fixedOptions(name, options);
  const sender = authenticatedSender(options, shared, terms.mayAuthenticate);
  const changes = compileMessageOptions(options, shared, names);
  const signing = compileSigning(options, shared, names);
  const sources = [...changes.sources, ...(filter?.sources ?? []), ...(signing?.sources ?? [])];
  const own = options.get("allow_localhost")
    ? { addresses: [], ports: new Set<number>() }
    : { addresses: shared.settings.localAddresses, ports };
  const made = (
    values: Readonly<Record<Expanded, Value>>,
    message: Variables,
    of: Pick<SmtpTransport, "message" | "filter" | "signing">,
  ): SmtpTransport => {
    const ofMessage = {
      ...fixed,
      ...madeOf(values),
      own,
      terms: terms.constant,
      ...(sender === undefined ? {} : { authenticatedSender: sender.of(message) }),
    };
    const { hosts: _, fallbackHosts: __, maxRcpt: ___, terms: ____, own: _____, ...ofConnections } = ofMessage;
    return {
      ...ofMessage,
      ...of,
      key: JSON.stringify(ofConnections),
      termsFor: (host, sendingAddress) => terms.of(message, host, sendingAddress),
    };
  };
  const texts = [...expanded.texts, ...terms.texts, sender?.source ?? ""];
  const { constants } = expanded;
  const hosts = textOf(expanded.constant("hosts") ?? "");
  const shape = {
    name,
    driver: "smtp" as const,
    maxRcpt: Number(expanded.constant("max_rcpt") ?? 1),
    hasOwnHosts: expanded.constant("hosts") !== undefined && hosts !== "",
    isForOneDomain: options.get("multi_domain") !== true,
  };
  const isForAll = constants !== undefined && sender === undefined && filter === undefined;
  const isConstant = isForAll && !texts.some(namesMessage);
  if (isConstant && sources.length === 0) {
    const same = changes.at(NO_VARIABLES);
    const transport = made(constants, withNames(NO_VARIABLES, shared), {
      ...(same === undefined ? {} : { message: () => same }),
      ...(signing === undefined ? {} : { signing: () => signing.at(NO_VARIABLES) }),
    });
    return { ...shape, variables: undefined, at: () => transport };
  }
  if (constants !== undefined) made(constants, NO_VARIABLES, {});
  return {
    ...shape,
    // What named lists name, only they know.
    variables: texts.some((text) => NAMED_LIST.test(text)) ? () => true : variablesIn([...texts, ...sources]),
    at(variables, recipient) {
      const message = withNames(variables(recipient), shared);
      const of = {
        message: (address: string) => changes.at(variables(address)),
        ...(signing && { signing: (address: string) => signing.at(withNames(variables(address), shared)) }),
        ...filterOf(filter, variables),
      };
      if (constants !== undefined) return made(constants, message, of);
      const evaluation = createEvaluation({ ...shared, variables: message });
      return expanded.values(evaluation).then((values) => made(values, message, of));
    },
  };
}

/** A message knows nothing of who handles it. */
function withNames(message: Variables, { settings }: SharedSurroundings): Variables {
  return {
    get: (name) => message.get(name) ?? (name === "primary_hostname" ? settings.primaryHostname : undefined),
    headers: message.headers,
  };
}

const NO_VARIABLES: Variables = { get: () => undefined };

/** Whether a text may come out otherwise for another message: the usual `helo_data` does not. */
function namesMessage(text: string): boolean {
  const { constant } = compileExpansion(text);
  const settled = constant === undefined ? text : textOf(constant);
  return (settled.includes("$") && text !== "$primary_hostname") || NAMED_LIST.test(settled);
}

const NAMED_LIST = /(?:^|[:;!\s])\+[A-Za-z_]/;

/** What is not expanded. */
function fixedOptions(name: string, options: Options) {
  const dscp = options.get("dscp");
  if (dscp !== undefined && dscpOf(dscp) === undefined) throw new DeferError("smtp", `dscp: "${dscp}" is none`);
  const protocol = options.get("protocol");
  return {
    driver: "smtp" as const,
    name,
    isLmtp: protocol === "lmtp",
    startsWithTls: protocol === "smtps" || protocol === "submissions",
    maxTry: options.get("hosts_max_try"),
    maxTryHard: options.get("hosts_max_try_hardlimit"),
    connectTimeoutMs: options.get("connect_timeout"),
    commandTimeoutMs: options.get("command_timeout"),
    dataTimeoutMs: options.get("data_timeout"),
    finalTimeoutMs: options.get("final_timeout"),
    connectionMaxMessages: options.get("connection_max_messages"),
    keepsAlive: options.get("keepalive"),
    dscp: dscp === undefined ? undefined : dscpOf(dscp),
    sizeAddition: options.get("size_addition"),
    ignoresQuota: options.get("lmtp_ignore_quota"),
    lineLengthLimit: options.get("message_linelength_limit"),
    triesClear: options.get("tls_tempfail_tryclear"),
    minDhBits: Math.max(1, options.get("tls_dh_min_bits")),
    retriesBySender: options.get("address_retry_include_sender"),
    delaysAfterCutoff: options.get("delay_after_cutoff"),
    isLimitOfFleet: options.get("max_parallel") !== undefined,
    maxRate: parseRate(options.get("max_rate") ?? ""),
    verifiesRequireTls: options.get("requiretls_policy") === "rfc8689",
    redactsBounces: options.get("requiretls_bounce") === "redact",
  };
}

function madeOf(values: Readonly<Record<Expanded, Value>>) {
  const text = (option: Expanded): string => textOf(values[option]).trim();
  return {
    hosts: hostItems(values.hosts),
    fallbackHosts: hostItems(values.fallback_hosts),
    randomizesHosts: booleanIn("hosts_randomize", text("hosts_randomize")),
    port: numberIn("port", text("port"), (service) => SERVICES[service]),
    maxRcpt: numberIn("max_rcpt", text("max_rcpt")),
    maxConnections: numberIn("max_parallel", text("max_parallel")) || MAX_CONNECTIONS,
    retriesByAddress: booleanIn("retry_include_ip_address", text("retry_include_ip_address")),
    utf8Downconvert: downconvertIn(text("utf8_downconvert")),
  };
}

/** Items as delivery reads them: `host`, `host::port`, `+`. Whom a message goes to is not for those to say who send it. */
function hostItems(value: Value): readonly string[] {
  if (value instanceof Tainted && value.text !== "") {
    throw new DeferError("smtp", `internal configuration error: attempt to use tainted host list "${value.text}"`);
  }
  return [...splitList(textOf(value)).items].map((item) => item.replace(/^([^:]+):([0-9]+)$/, "$1::$2"));
}

function numberIn(option: string, text: string, named: (text: string) => number | undefined = () => undefined): number {
  const value = named(text) ?? (/^[0-9]{1,9}$/.test(text) ? Number(text) : undefined);
  if (value === undefined) throw new DeferError("smtp", `${option}: a number is expected, not "${text}"`);
  return value;
}

function downconvertIn(text: string): SmtpTransport["utf8Downconvert"] {
  if (text === "") return undefined;
  const value = ([-1, 0, 1] as const).find((known) => String(known) === text);
  if (value === undefined) throw new DeferError("smtp", `utf8_downconvert: 1, 0 or -1 is expected, not "${text}"`);
  return value;
}

function booleanIn(option: string, text: string): boolean {
  if (text === "") return false;
  try {
    return readBoolean(text);
  } catch (err) {
    if (err instanceof ValueError) throw new DeferError("smtp", `${option}: ${err.message}`);
    throw err;
  }
}

/**
 * Who is to be named over a connection: as the option says, or else whom the client has named. With
 * `authenticated_sender_force` also where we have not authenticated.
 */
function authenticatedSender(options: Options, shared: SharedSurroundings, mayAuthenticate: boolean) {
  const source = options.get("authenticated_sender") ?? (mayAuthenticate ? "$authenticated_sender" : undefined);
  if (source === undefined) return undefined;
  const expansion = compileExpansion(source);
  const isForced = options.get("authenticated_sender_force");
  const of =
    (message: Variables): NonNullable<SmtpTransport["authenticatedSender"]> =>
    (connection): Eventual<string | undefined> => {
      if (!isForced && !connection.isAuthenticated) return undefined;
      const variables = new ConnectionVariables(message, connection);
      const value = expandedOption("authenticated_sender", expansion, createEvaluation({ ...shared, variables }));
      return then(value, (known) => (textOf(known) === "" ? undefined : textOf(known)));
    };
  return { source, of };
}
