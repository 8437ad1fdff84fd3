import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openResolver } from "@postbus/dns";
import { ConfigError } from "@postbus/mail";
import { checkConfiguration, ExpansionTester } from "@postbus/policy";
import { commonSettings, readSettings, version } from "@postbus/service-kit";
import { Type } from "typebox";
import { ownVariables } from "../own-variables.ts";
import { policyEnvironment, policyOptions } from "../policy-options.ts";

const ExpandSettings = Type.Pick(Type.Object(commonSettings), ["config", "macros", "dnsServers"]);

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
  const env = ownVariables(ExpandSettings, process.env);
  const { config, macros, dnsServers } = readSettings(ExpandSettings, { ...env, ...policyEnvironment(values) });
  const file = config === undefined ? "" : resolve(config);
  const { configuration, faults } = checkConfiguration({ file, macros: macrosOf(macros), readFile, portable: true });
  if (configuration === undefined) throw new ConfigError(faults.join("\n"));
  const tester = new ExpansionTester(configuration, {
    version,
    file,
    hostname: hostname(),
    localAddresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
    environment: process.env,
    resolver: await openResolver(dnsServers),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
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

/** `NAME=value`, one a line. */
function macrosOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]));
}

/** Without `--config` the configuration is an empty file. */
function readFile(path: string): Uint8Array | undefined {
  if (path === "") return new Uint8Array();
  try {
    return readFileSync(path);
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
