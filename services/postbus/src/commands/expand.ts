import { devNull } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ExpansionTester, PROGRAM_VERSION } from "@postbus/policy";
import { policyOptions } from "../policy-options.ts";
import { readToolPolicy } from "../tool-policy.ts";

/**
 * `postbus expand`: strings of the policy language, from the command line and from standard input, and what they give.
 *
 * @throws {ConfigError} with all problems of the configuration, one a line.
 */
export async function expand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...policyOptions, stdin: { type: "boolean" } },
  });
  const {
    configuration,
    file,
    process: surroundings,
  } = await readToolPolicy(values, {
    isPortable: true,
    withoutFile: devNull,
  });
  const tester = new ExpansionTester(configuration, { ...surroundings, file, version: PROGRAM_VERSION });
  try {
    // The words of the command line are UTF-8; strings of the language are octets.
    const words = positionals.map((word) => Buffer.from(word, "utf8").toString("latin1"));
    for (const word of words) print(await tester.line(word));
    if (values.stdin === true || words.length === 0) {
      for await (const line of logicalLines(process.stdin)) print(await tester.line(line));
    }
  } finally {
    await tester.stop();
  }
  return 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`, "latin1");
}

/** Lines without the blanks around them; those that end with a backslash together with what follows, empty ones not at all. */
async function* logicalLines(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  input.setEncoding("latin1");
  let whole = "";
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const text = whole === "" ? line.trimEnd() : line.trim();
    if (text.endsWith("\\")) whole += text.slice(0, -1);
    else {
      if (whole + text !== "") yield whole + text;
      whole = "";
    }
  }
  if (whole !== "") yield whole;
}
