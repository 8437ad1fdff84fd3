import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "@postbus/testkit";

/** Debian's builds have lsearch and relatives, dsearch, cdb, sqlite, pgsql, mysql, passwd, dnsdb. */
export const exim = program("exim-4.96") ?? program("exim-4.98") ?? program("exim-4.100");

/** Exim's quoting of octets within an expansion. */
export const escapedForExim = (octets: string): string =>
  octets.replace(/[^A-Za-z0-9 ]/g, (octet) => `\\x${octet.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** What real Exim makes of each lookup: `found DATA $1 $2` in base64, `not found`, or `Failed: ...`. */
export async function eximAnswers(lookups: readonly string[], settings = ""): Promise<readonly string[]> {
  if (exim === undefined) throw new Error("no Exim here");
  const directory = await mkdtemp(join(tmpdir(), "postbus-exim-"));
  try {
    const file = join(directory, "exim.conf");
    await writeFile(file, `log_file_path = ${directory}/%slog\n${settings}\n`);
    // `-be` reads a line each; a line that begins with `$` would do as well, `#` marks where the answer begins.
    const input = lookups.map(
      (lookup) => `#\${lookup${lookup}{found \${base64:$value} \${base64:$1} \${base64:$2}}{not found}}`,
    );
    const output = await run(exim, ["-C", file, "-be"], `${input.join("\n")}\n`);
    return answersIn(output, lookups.length);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** After each prompt an answer; `#` is the text before the lookup. */
function answersIn(output: string, count: number): readonly string[] {
  const answers = output.split(/^> /m).slice(1, count + 1);
  return answers.map((answer) => answer.replace(/\n[\s\S]*$/, "").replace(/^#/, ""));
}

function run(command: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
    let output = "";
    child.stdout.on("data", (octets: Buffer) => {
      output += octets.toString("latin1");
    });
    child.on("error", reject);
    child.on("close", () => resolve(output));
    child.stdin.end(input, "latin1");
  });
}

const base64 = (octets: string): string => Buffer.from(octets, "latin1").toString("base64");

/** Ours in the same form. */
export const ourAnswer = (
  outcome:
    | { readonly found: false }
    | { readonly found: true; readonly data: string; readonly captures?: readonly string[] },
): string =>
  outcome.found
    ? `found ${base64(outcome.data)} ${base64(outcome.captures?.[0] ?? "")} ${base64(outcome.captures?.[1] ?? "")}`
    : "not found";
