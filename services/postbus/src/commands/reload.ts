import { parseArgs } from "node:util";
import { ConfigError, DeferError } from "@postbus/mail";
import { type Static, Type } from "typebox";
import { RefusedError } from "../command.ts";
import { printable } from "../printable.ts";
import { openStatusClient, statusOptions } from "../status-client.ts";

const Member = Type.Object({ service: Type.String(), instance: Type.String() });
const Report = Type.Object({
  ...Member.properties,
  before: Type.String(),
  policyVersion: Type.String(),
  problems: Type.Array(Type.String()),
});
const Reloaded = Type.Object({ services: Type.Array(Report), silent: Type.Array(Member) });

/**
 * `postbus reload`: every service of the fleet reads its policy again; each says which one it has now.
 *
 * @throws {ConfigError} the problems for which services keep the old one, each once.
 * @throws {DeferError} some have not answered. @throws {RefusedError} nobody has a policy.
 */
export async function reload(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: statusOptions });
  const answer = await openStatusClient(values.server).read("/v1/policy/reload", Reloaded, "POST");
  const { services, silent } = answer;
  if (values.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else for (const report of services) process.stdout.write(`${printable(reportLine(report))}\n`);
  const problems = new Set(services.flatMap((one) => one.problems));
  if (problems.size > 0) throw new ConfigError([...problems].map(printable).join("\n"));
  const names = silent.map(({ service, instance }) => printable(`${service} ${instance}`));
  if (names.length > 0) throw new DeferError("reload", `no answer from ${names.join(", ")}`);
  if (services.length === 0) throw new RefusedError("reload: no service that has a policy is running");
  return 0;
}

/** `router host-12: policy 8f3c… is in force, before: 07aa…`. */
export function reportLine({ service, instance, before, policyVersion, problems }: Static<typeof Report>): string {
  const who = `${service} ${instance}`;
  if (problems.length > 0) return `${who}: keeps policy ${policyVersion}`;
  // It may have seen the change of the file by itself, a moment before.
  const change = before === policyVersion ? " already" : `, before: ${before}`;
  return `${who}: policy ${policyVersion} is in force${change}`;
}
