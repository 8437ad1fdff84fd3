import { commonSettings } from "@postbus/service-kit/common-settings";
import { programSettings } from "@postbus/service-kit/program-settings";
import { readSettings } from "@postbus/service-kit/settings";
import { type Static, Type } from "typebox";
import { UsageError } from "./command.ts";
import { ownVariables } from "./own-variables.ts";

/** For `util.parseArgs`: the options of every command that reads the policy. */
export const policyOptions = {
  config: { type: "string" },
  define: { type: "string", short: "D", multiple: true },
} as const;

/** What `util.parseArgs` makes of them. */
export interface PolicyWords {
  readonly config?: string | undefined;
  readonly define?: readonly string[] | undefined;
}

const PolicySettings = Type.Pick(Type.Object({ ...commonSettings, ...programSettings }), [
  ...(["config", "macros", "data", "dnsServers", "redisUrl", "deliveryPrograms"] as const),
]);

/** The settings of a command that reads the policy, from its options and the environment. @throws {UsageError} @throws {ConfigError} */
export function policySettings(
  words: PolicyWords,
  env: NodeJS.ProcessEnv = process.env,
): Static<typeof PolicySettings> {
  return readSettings(PolicySettings, { ...ownVariables(PolicySettings, env), ...policyEnvironment(words) });
}

/** A macro of Exim's language: the first letter is upper case (Exim specification, "Macros in the configuration file"). */
const MACRO = /^[A-Z][A-Za-z0-9_]*(=|$)/;

/**
 * The options as the variables that every service reads them from. Options win over variables of the same meaning.
 *
 * @throws {UsageError} if a definition is none.
 */
export function policyEnvironment(values: PolicyWords): Record<string, string> {
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
