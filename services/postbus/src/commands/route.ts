import { lookup } from "node:dns/promises";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { DeferError } from "@postbus/mail";
import { policySurroundings } from "@postbus/policy";
import {
  compileRouters,
  extractAddress,
  formatRouting,
  formatTraceStep,
  type RoutingContext,
  RoutingMemory,
  routingExitCode,
} from "@postbus/routing";
import { policyOptions } from "../policy-options.ts";
import { readToolPolicy } from "../tool-policy.ts";

/**
 * `postbus route`: how addresses would be routed, from the command line or from standard input. Nothing is sent.
 *
 * @throws {ConfigError} with all problems of the configuration, one a line.
 */
export async function route(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...policyOptions, from: { type: "string" }, trace: { type: "boolean" } },
  });
  const { configuration, process: parts } = await readToolPolicy(values, { isPortable: true });
  const surroundings = policySurroundings(configuration, parts);
  const routing = compileRouters(configuration);
  const context: RoutingContext = {
    purpose: "test",
    returnPath: Buffer.from(values.from ?? "", "utf8").toString("latin1"),
    surroundings: surroundings.shared,
    systemAddresses,
    memory: new RoutingMemory(),
    warn: (text) => void process.stderr.write(`${text}\n`, "latin1"),
  };
  let exitCode = 0;
  try {
    for await (const word of positionals.length > 0 ? octets(positionals) : lines(process.stdin)) {
      const found = extractAddress(word);
      if (found.kind !== "address") {
        print(`syntax error: ${found.kind === "wrong" ? found.reason : "empty address"}`);
        exitCode = 2;
        continue;
      }
      const address = found.domain === "" ? found.localPart : `${found.localPart}@${found.domain}`;
      const result = await routing.route(address, context);
      if (values.trace === true) {
        for (const step of result.trace) process.stderr.write(`${formatTraceStep(step)}\n`, "latin1");
      }
      for (const line of formatRouting(address, result)) print(line);
      exitCode = Math.max(exitCode, routingExitCode(result));
    }
  } finally {
    await surroundings.stop();
  }
  return exitCode;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`, "latin1");
}

/** Words of the command line are UTF-8; addresses are octets. */
const octets = (words: readonly string[]): string[] =>
  words.map((word) => Buffer.from(word, "utf8").toString("latin1"));

async function* lines(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  input.setEncoding("latin1");
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== "") yield line.trim();
  }
}

/** What this machine says of a name: `/etc/hosts`, and whatever else it asks. */
async function systemAddresses(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (err) {
    const code = err instanceof Error && "code" in err ? err.code : "";
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    throw new DeferError("host lookup", `${name}: ${code}`, { cause: err });
  }
}
