import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runPostbus } from "@postbus/testkit";
import { type Scope, temporaryDirectory } from "../support/fixture.ts";

export interface SessionRun {
  readonly client: string;
  readonly lines: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** State of rate limits that an earlier session has left. */
  readonly data?: string;
}

/** What `postbus session` answers, reply by reply, and what it tells of the policy's decisions. */
export async function programSession(
  scope: Scope,
  config: string,
  { client, lines, env = {}, data }: SessionRun,
): Promise<{ readonly replies: readonly string[]; readonly output: string; readonly trace: string }> {
  const directory = await temporaryDirectory(scope, "example");
  const file = join(directory, "example.conf");
  await writeFile(file, config, "latin1");
  const { code, output, errors } = await runPostbus({
    command: "session",
    args: ["--config", file, "--from", client],
    env: { POSTBUS_DATA: data ?? directory, ...env },
    input: lines.map((line) => `${line}\r\n`).join(""),
  });
  if (code !== 0) throw new Error(`postbus session ended with ${code}: ${errors}`);
  return { output, replies: output.split("\r\n").filter((line) => /^\d{3}(?: |$)/.test(line)), trace: errors };
}
