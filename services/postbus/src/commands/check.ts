import { parseArgs } from "node:util";
import { ConfigError } from "@postbus/mail";
import { loadPolicy, readPolicy } from "@postbus/policy";
import { policyOptions, policySettings } from "../policy-options.ts";

/**
 * `postbus check`: reads the policy as every service does, and starts nothing. What `postbus start` refuses is wrong here,
 * too. With `--portable` the policy is for another machine, and what this one may not do (programs) does not count.
 *
 * @throws {ConfigError} with all problems, one a line.
 */
export async function check(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { ...policyOptions, portable: { type: "boolean" } } });
  const { config: file, macros, data, deliveryPrograms } = policySettings(values);
  const portable = values.portable === true;
  const from = { file, macros, portable };
  const { notices } = readPolicy(from);
  const abilities = portable ? {} : { delivery: { runsPrograms: deliveryPrograms > 0 } };
  try {
    const policy = await loadPolicy({ ...from, data, ...abilities });
    await policy.stop();
    show(policy.notices);
    process.stdout.write(`policy ${policy.version} is in order\n`);
  } catch (err) {
    if (err instanceof ConfigError) show(notices);
    throw err;
  }
  return 0;
}

function show(notices: readonly string[]): void {
  for (const notice of notices) process.stdout.write(`notice: ${notice}\n`);
}
