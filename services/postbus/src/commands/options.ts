import { parseArgs } from "node:util";
import { optionsPage } from "@postbus/policy";

/** `postbus options`: the reference of everything that a configuration can set, in Markdown; `docs/options.md` is a copy. */
export async function options(args: readonly string[]): Promise<number> {
  parseArgs({ args: [...args], options: {} });
  process.stdout.write(optionsPage());
  return 0;
}
