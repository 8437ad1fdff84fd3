import { UsageError } from "./command.ts";

/** For `util.parseArgs`: the options of every command that reads the policy. */
export const policyOptions = {
  config: { type: "string" },
  define: { type: "string", short: "D", multiple: true },
} as const;

/** A macro of Exim's language: the first letter is upper case (Exim specification, "Macros in the configuration file"). */
const MACRO = /^[A-Z][A-Za-z0-9_]*(=|$)/;

/**
 * The options as the variables that every service reads them from. Options win over variables of the same meaning.
 *
 * @throws {UsageError} if a definition is none.
 */
export function policyEnvironment(values: {
  readonly config?: string | undefined;
  readonly define?: readonly string[] | undefined;
}): Record<string, string> {
  const env: Record<string, string> = {};
  if (values.config !== undefined) env["POSTBUS_CONFIG"] = values.config;
  for (const definition of values.define ?? []) {
    if (!MACRO.test(definition))
      throw new UsageError(`-D${definition}: must be NAME=value, and NAME begin with a capital`);
    if (definition.includes("\n")) throw new UsageError(`-D${definition.split("\n")[0]}…: must be one line`);
  }
  if (values.define !== undefined) {
    // `-DNAME` alone is Exim's way to define it as empty.
    env["POSTBUS_MACROS"] = values.define.map((text) => (text.includes("=") ? text : `${text}=`)).join("\n");
  }
  return env;
}
