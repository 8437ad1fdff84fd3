import { parseArgs } from "node:util";
import { UsageError } from "../command.ts";
import { printable } from "../printable.ts";
import { openStatusClient, statusOptions } from "../status-client.ts";

/** `postbus resume`: ends suspensions; what has waited for them goes on within seconds. */
export async function resume(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: statusOptions, allowPositionals: true });
  if (positionals.length === 0) throw new UsageError("resume: which domain or host?");
  const client = openStatusClient(values.server);
  for (const target of positionals) {
    const answer = await client.ask(`/v1/suspensions/${encodeURIComponent(target)}`, "DELETE");
    process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : `${printable(target)}: delivery goes on\n`);
  }
  return 0;
}
