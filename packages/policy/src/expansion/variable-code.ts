import { Certificate } from "./certificate.ts";
import { clockVariables } from "./clock-variables.ts";
import type { Code, Run } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import { Tainted, textOf, type Value } from "./value.ts";
import { type VariableInfo, type VariableKind, variableInfo } from "./variables.ts";

/** `$0`, `$1`, …: all digits are read, whatever has not been set is empty. */
export function captureCode(digits: string): Run {
  const index = Number(digits);
  return (evaluation) => evaluation.captures[index] ?? "";
}

/** A variable's value at the time of running; undefined: there is no variable of this name. */
export function variableCode(name: string): Code | undefined {
  const own = OWN[name] ?? argument(name);
  if (own !== undefined) return own;
  const local = LOCALS.get(name);
  if (local !== undefined) return (evaluation) => evaluation.locals.get(name) ?? local;
  const clock = clockVariables.get(name);
  if (clock !== undefined) {
    return (evaluation) =>
      given(evaluation, name) ?? clock(evaluation.around.now(), evaluation.around.settings.timeZone);
  }
  const info = variableInfo(name);
  if (info === undefined) return undefined;
  if (/^acl_[cm]/.test(name)) return (evaluation) => given(evaluation, name) ?? unset(evaluation, name);
  return outside(name, info);
}

/** The text for a name that no variable has, with what may have been meant. */
export function unknownVariable(name: string): string {
  const problem = `unknown variable name "${name}"`;
  if (/^acl_[cm]/.test(name))
    return `${problem} (6th character of a user-defined ACL variable must be a digit or underscore)`;
  if (name.startsWith("acl_")) return `${problem} (user-defined ACL variables must start acl_c or acl_m)`;
  return problem;
}

/** Variables that are fields of the state. */
const OWN: Readonly<Record<string, Run | undefined>> = {
  __proto__: null as never,
  item: (evaluation) => evaluation.item,
  value: (evaluation) => evaluation.value,
  acl_narg: (evaluation) => String(evaluation.aclArguments.length),
};

function argument(name: string): Run | undefined {
  const [, digit] = /^acl_arg([1-9])$/.exec(name) ?? [];
  if (digit === undefined) return undefined;
  const index = Number(digit) - 1;
  return (evaluation) => evaluation.aclArguments[index] ?? "";
}

/** Set by an item for what follows, in the same context. What they are before that. */
const LOCALS: ReadonlyMap<string, string> = new Map([
  ["lookup_dnssec_authenticated", ""],
  ["prvscheck_address", ""],
  ["prvscheck_keynum", ""],
  ["prvscheck_result", ""],
  ["runrc", "0"],
  ["srs_recipient", ""],
  ["srs_db_address", ""],
  ["srs_db_key", ""],
  ["srs_orig_recipient", ""],
  ["srs_orig_sender", ""],
  ["srs_status", ""],
]);

function outside(name: string, { kind, isTainted }: VariableInfo): Run {
  const absent = ABSENT[kind];
  if (kind === "certificate") return (evaluation) => certificate(given(evaluation, name));
  const standsIn = name === "domain" || name === "local_part";
  return (evaluation) => {
    const value = given(evaluation, name);
    if (value === undefined) {
      const subject = evaluation.listSubject;
      return standsIn && subject?.name === name ? subject.value : absent;
    }
    return isTainted && typeof value === "string" && value !== "" ? new Tainted(value) : value;
  };
}

const ABSENT: Readonly<Record<VariableKind, string>> = {
  string: "",
  count: "0",
  boolean: "no",
  port: "-1",
  certificate: "",
};

/** What the surroundings say, as a string. */
export function given(evaluation: Evaluation, name: string): Value | undefined {
  const value = evaluation.around.variables.get(name);
  if (typeof value === "string" || value === undefined) return value;
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value.text === "" ? "" : value;
}

function unset(evaluation: Evaluation, name: string): Value {
  if (!evaluation.around.settings.hasStrictAclVariables) return "";
  throw new ExpansionFailure(`unknown variable name "${name}" (strict_acl_vars is set)`);
}

const certificate = (der: Value | undefined): Value => {
  const octets = der === undefined ? "" : textOf(der);
  return octets === "" ? "" : new Certificate(octets);
};
