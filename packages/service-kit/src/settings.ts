import { readFileSync } from "node:fs";
import { ConfigError, nearestName } from "@postbus/mail";
import { type Static, type TObject, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { ENDPOINT_PATTERN } from "./endpoint.ts";

/** Names that start so are ours: one that nobody knows is a mistake, not somebody else's variable. */
const OUR_PREFIX = "POSTBUS_";

/** Of the project's own tests, which hand their environment on to the programs that they start. */
const TEST_PREFIX = "POSTBUS_TEST_";

/** `NATS_URL_FILE` names a file that holds the value of `NATS_URL`: for secrets, which orchestrators mount. */
const FILE_SUFFIX = "_FILE";

/**
 * Reads settings from environment variables named `POSTBUS_` + the property in upper snake case, or as `env` in the
 * property's schema says; `…_FILE` names a file to read the value from. Numbers and booleans are converted; an empty
 * variable counts as not set.
 *
 * @param others Names of variables that belong to somebody else and are let alone.
 * @throws {ConfigError} listing every bad, missing and unknown variable, one a line. A value is shown only where the
 * schema has a pattern or a choice for it: others may be secrets.
 */
export function readSettings<T extends TObject>(
  schema: T,
  env: NodeJS.ProcessEnv,
  others: readonly string[] = [],
): Static<T> {
  const properties: Record<string, TSchema> = schema.properties;
  const keyOf = new Map(Object.entries(properties).map(([key, property]) => [variableName(key, property), key]));
  const given: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || text === "") continue;
    const direct = keyOf.get(name);
    const key = direct ?? keyOf.get(name.slice(0, -FILE_SUFFIX.length));
    if (key !== undefined && (direct !== undefined || name.endsWith(FILE_SUFFIX))) {
      if (key in given) problems.push(`${name}: is given twice, by itself and as a file`);
      try {
        given[key] = converted(properties[key], direct === undefined ? secretIn(text) : text);
      } catch (err) {
        problems.push(`${name}: ${text} cannot be read: ${err instanceof Error ? err.message : String(err)}`);
      }
    } else if (name.startsWith(OUR_PREFIX) && !name.startsWith(TEST_PREFIX) && !isOneOf(others, name)) {
      problems.push(`${name}: unknown${suggestion(name, [...keyOf.keys(), ...others])}`);
    }
  }
  const candidate = Value.Default(schema, given);
  const seen = new Set<string>();
  for (const error of Value.Errors(schema, candidate)) {
    const missing = error.keyword === "required" ? error.params.requiredProperties : [];
    for (const key of missing) problems.push(`${variableName(key, properties[key])}: is not set`);
    const key = error.instancePath.slice(1);
    // Of a union every member complains.
    if (key === "" || seen.has(key)) continue;
    seen.add(key);
    problems.push(`${variableName(key, properties[key])}: ${wantedText(properties[key], given[key]) ?? error.message}`);
  }
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return candidate as Static<T>;
}

/** One schema of several: the settings of a process that runs more than one service. Common ones are the same in all. */
export function joinSettings<T extends TObject>(schemas: readonly T[]): TObject {
  return Type.Object(Object.assign({}, ...schemas.map((schema) => schema.properties)));
}

/** `shutdownGraceMs` → `POSTBUS_SHUTDOWN_GRACE_MS`, unless the schema names the variable. */
export function variableName(key: string, property: object | undefined): string {
  if (property !== undefined && "env" in property && typeof property.env === "string") return property.env;
  return OUR_PREFIX + key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** What does not look like the type is left as it is, so that the schema's check names it; "12abc" is not 12. */
function converted(property: object | undefined, value: string): unknown {
  const type = property !== undefined && "type" in property ? property.type : undefined;
  if ((type === "integer" || type === "number") && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (type === "boolean" && /^(true|1)$/.test(value)) return true;
  if (type === "boolean" && /^(false|0)$/.test(value)) return false;
  return value;
}

/** `"loud" is none of trace, debug, …`: what a pattern or a choice wants, in words. */
function wantedText(property: object | undefined, value: unknown): string | undefined {
  if (property === undefined) return undefined;
  if ("wanted" in property) return `${JSON.stringify(value)} is not ${String(property.wanted)}`;
  const choices = "anyOf" in property ? constantsOf(property.anyOf) : alternativesOf(property);
  if (choices !== undefined) return `${JSON.stringify(value)} is none of ${choices.join(", ")}`;
  if ("pattern" in property && property.pattern === ENDPOINT_PATTERN)
    return `${JSON.stringify(value)} is not host:port`;
  return undefined;
}

function constantsOf(members: unknown): readonly unknown[] | undefined {
  if (!Array.isArray(members)) return undefined;
  return members.map((member: { const?: unknown }) => member.const);
}

/** Of a pattern that is nothing but words: `^(a|b|c)$`. */
function alternativesOf(property: object): readonly string[] | undefined {
  if (!("pattern" in property)) return undefined;
  return /^\^\(([\w|]+)\)\$$/.exec(String(property.pattern))?.[1]?.split("|");
}

const isOneOf = (names: readonly string[], name: string): boolean =>
  names.includes(name) || (name.endsWith(FILE_SUFFIX) && names.includes(name.slice(0, -FILE_SUFFIX.length)));

/** Files end in a line feed, secrets do not. Read once, at start. */
const secretIn = (file: string): string => readFileSync(file, "utf8").replace(/\r?\n$/, "");

function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
}
