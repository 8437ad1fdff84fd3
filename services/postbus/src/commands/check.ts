import { parseArgs } from "node:util";
import { loadPolicy } from "@postbus/policy";
import { commonSettings, readSettings } from "@postbus/service-kit";
import { Type } from "typebox";
import { ownVariables } from "../own-variables.ts";
import { policyEnvironment, policyOptions } from "../policy-options.ts";

const CheckSettings = Type.Pick(Type.Object(commonSettings), ["config", "macros", "data"]);

/**
 * `postbus check`: reads the policy as every service does, and starts nothing.
 *
 * @throws {ConfigError} with all problems, one a line.
 */
export async function check(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: policyOptions });
  const env = ownVariables(CheckSettings, process.env);
  const { config: file, macros, data } = readSettings(CheckSettings, { ...env, ...policyEnvironment(values) });
  const policy = await loadPolicy({ ...(file === undefined ? {} : { file }), macros, data });
  for (const notice of policy.notices) process.stdout.write(`notice: ${notice}\n`);
  process.stdout.write(`policy ${policy.version} is in order\n`);
  return 0;
}
