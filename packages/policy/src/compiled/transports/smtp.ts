import { DeferError } from "@postbus/mail";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import { splitList } from "../../matching/split-list.ts";
import type { CompiledTransport, SmtpTransport } from "../../policy.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { compileMessageOptions } from "./message-options.ts";
import { variablesIn } from "./variables-in.ts";

type Settings = Extract<TransportSettings, { kind: "smtp" }>;
type Expanded = "hosts" | "port" | "max_rcpt" | "max_parallel" | "hosts_require_tls" | "tls_verify_certificates";

/** Connections to one host where nothing limits them: more would be a flood to any host. */
const MAX_CONNECTIONS = 20;
const SERVICES: Readonly<Record<string, number>> = { __proto__: null as never, smtp: 25, submission: 587, lmtp: 24 };

/** A transport to other hosts. Without `$` in its options it is the same object for every message. */
export function compileSmtp(
  { name, options }: Settings,
  shared: SharedSurroundings,
  problems: ProblemList,
): CompiledTransport {
  const texts: Readonly<Record<Expanded, string>> = {
    hosts: options.get("hosts") ?? "",
    port: options.get("port") ?? "25",
    max_rcpt: String(options.get("max_rcpt")),
    max_parallel: String(options.get("max_parallel") ?? MAX_CONNECTIONS),
    hosts_require_tls: options.get("hosts_require_tls") ?? "",
    tls_verify_certificates: options.get("tls_verify_certificates"),
  };
  const names = Object.keys(texts) as Expanded[];
  const expansions = names.map((option) => ({ option, expansion: compileExpansion(texts[option]) }));
  const fixed = {
    driver: "smtp" as const,
    name,
    connectTimeoutMs: options.get("connect_timeout"),
    commandTimeoutMs: options.get("command_timeout"),
    dataTimeoutMs: options.get("data_timeout"),
    finalTimeoutMs: options.get("final_timeout"),
    connectionMaxMessages: options.get("connection_max_messages"),
    verifiesRequireTls: options.get("requiretls_policy") === "rfc8689",
    redactsBounces: options.get("requiretls_bounce") === "redact",
  };
  const message = compileMessageOptions(options, shared);
  const made = (values: Readonly<Record<Expanded, string>>, of: SmtpTransport["message"]): SmtpTransport => ({
    ...fixed,
    ...(of === undefined ? {} : { message: of }),
    hosts: hostItems(values.hosts),
    port: numberIn("port", values.port, (text) => SERVICES[text]),
    maxRcpt: numberIn("max_rcpt", values.max_rcpt),
    maxConnections: numberIn("max_parallel", values.max_parallel) || MAX_CONNECTIONS,
    requireTls: requiresTls(values.hosts_require_tls),
    authorities: values.tls_verify_certificates.trim(),
  });
  const constants = Object.fromEntries(expansions.map(({ option, expansion }) => [option, expansion.constant]));
  const constant = message.sources.length === 0 && names.every((option) => constants[option] !== undefined);
  const shape = {
    name,
    driver: "smtp" as const,
    maxRcpt: Number(constants["max_rcpt"] ?? 1),
    hasOwnHosts: constants["hosts"] !== undefined && constants["hosts"] !== "",
  };
  if (constant) {
    try {
      const same = message.at(NO_VARIABLES);
      const transport = made(constants as Record<Expanded, string>, same === undefined ? undefined : () => same);
      return { ...shape, variables: undefined, at: () => transport };
    } catch (err) {
      if (!(err instanceof DeferError)) throw err;
      problems.error(options.setting("driver")?.place ?? { file: "", line: 0 }, `transport ${name}: ${err.message}`);
    }
  }
  return {
    ...shape,
    variables: variablesIn([...Object.values(texts), ...message.sources]),
    async at(variables, recipient) {
      const evaluation = createEvaluation({ ...shared, variables: variables(recipient) });
      const values: Partial<Record<Expanded, string>> = {};
      for (const { option, expansion } of expansions) {
        try {
          values[option] = textOf(await expansion.run(evaluation));
        } catch (err) {
          const text = failureText(err);
          if (text === undefined) throw err;
          if (!(err instanceof ForcedFailure)) {
            throw new DeferError("smtp", `failed to expand ${option} "${expansion.source}": ${text}`, { cause: err });
          }
          values[option] = "";
        }
      }
      return made({ ...texts, ...values }, (address) => message.at(variables(address)));
    },
  };
}

const NO_VARIABLES: Variables = { get: () => undefined };

/** Items as delivery reads them: `host`, `host::port`. */
const hostItems = (text: string): readonly string[] =>
  [...splitList(text).items].filter((item) => item !== "+").map((item) => item.replace(/^([^:]+):([0-9]+)$/, "$1::$2"));

function numberIn(option: string, text: string, named: (text: string) => number | undefined = () => undefined): number {
  const value = named(text) ?? (/^[0-9]{1,9}$/.test(text) ? Number(text) : undefined);
  if (value === undefined) throw new DeferError("smtp", `${option}: a number is expected, not "${text}"`);
  return value;
}

/** All or nobody: which host it is, is known later than the connection is chosen. */
function requiresTls(list: string): boolean {
  const items = [...splitList(list).items];
  if (items.length === 0) return false;
  if (items.length === 1 && items[0] === "*") return true;
  throw new DeferError("smtp", `hosts_require_tls: only "*" is available, not "${list}"`);
}
