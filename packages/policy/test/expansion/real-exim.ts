import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "@postbus/testkit";
import { placed } from "./sample-policy.ts";

/** Those that are there, the newest first. (4.96 does not set variables in its tester as these do.) */
export function installedExims(): string[] {
  return ["exim-4.100", "exim-4.98"].map((name) => program(name)).filter((path) => path !== undefined);
}

/** What the tester prints for each expression: its result, or `Failed: …`; undefined if the tester died of it. */
export async function askExim(
  exim: string,
  expressions: readonly string[],
  set: readonly string[],
): Promise<(string | undefined)[]> {
  const directory = mkdtempSync(join(tmpdir(), "postbus-exim-"));
  try {
    const config = join(directory, "exim.conf");
    const text = placed(readFileSync(`${import.meta.dirname}/examples/examples.conf`, "latin1"));
    writeFileSync(config, text.replaceAll("EXAMPLE_SPOOL", directory), "latin1");
    const answers: (string | undefined)[] = [];
    // The tester ends at an expression that it cannot take; it goes on with the one behind.
    while (answers.length < expressions.length) {
      const rest = expressions.slice(answers.length);
      const more = await run(exim, config, rest, set);
      answers.push(...more);
      if (more.length < rest.length) answers.push(undefined);
    }
    return answers;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The answers up to the end of the process. */
async function run(
  exim: string,
  config: string,
  expressions: readonly string[],
  set: readonly string[],
): Promise<string[]> {
  const child = spawn(exim, ["-C", config, "-be"], {
    env: { PATH: process.env["PATH"], SITE_LABEL: "north", TZ: "UTC" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const output = Array.fromAsync(child.stdout, (chunk: Buffer) => chunk.toString("latin1"));
  // A tester that has died does not read on.
  child.stdin.on("error", () => undefined);
  const lines = [
    ...set,
    ...expressions.flatMap((expression, i) => [`@@${i}@@`, expression]),
    `@@${expressions.length}@@`,
  ];
  child.stdin.end(`${lines.join("\n")}\n`, "latin1");
  const text = (await output).join("");
  const answers = text.split(/^> @@\d+@@\n/m).slice(1, -1);
  return answers.map((answer) => answer.replace(/^> |\n$/g, ""));
}
