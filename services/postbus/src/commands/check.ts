import { parseArgs } from "node:util";
import { ConfigError } from "@postbus/mail";
import { loadPolicy, readPolicy } from "@postbus/policy";
import { policyOptions, policySettings } from "../policy-options.ts";

/**
 * `postbus check`: reads the policy as every service does, and starts nothing. What is correct, but cannot be carried out
 * yet, is a notice here: `postbus start` refuses it.
 *
 * @throws {ConfigError} with all problems, one a line.
 */
export async function check(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { ...policyOptions, portable: { type: "boolean" } } });
  const { config: file, macros, data, deliveryPrograms } = policySettings(values);
  const from = { file, macros, portable: values.portable === true };
  const { configuration, faults, notices } = readPolicy(from);
  if (configuration === undefined) throw new ConfigError(faults.join("\n"));
  const delivery = { runsPrograms: deliveryPrograms > 0 };
  const loaded = await tryLoading({ ...from, data, delivery });
  const all = loaded.isTaken ? loaded.notices : [...notices, ...loaded.refusals];
  for (const notice of all) process.stdout.write(`notice: ${notice}\n`);
  const but = loaded.isTaken ? "" : ', but "postbus start" refuses what is not carried out yet: see above';
  process.stdout.write(`policy ${configuration.version} is in order${but}\n`);
  return 0;
}

type Loaded =
  | { readonly isTaken: true; readonly notices: readonly string[] }
  | { readonly isTaken: false; readonly refusals: readonly string[] };

async function tryLoading(from: Parameters<typeof loadPolicy>[0]): Promise<Loaded> {
  try {
    const policy = await loadPolicy(from);
    await policy.stop();
    return { isTaken: true, notices: policy.notices };
  } catch (err) {
    if (err instanceof ConfigError) return { isTaken: false, refusals: err.message.split("\n") };
    throw err;
  }
}
