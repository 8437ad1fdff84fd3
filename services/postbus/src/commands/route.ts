import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openResolver } from "@postbus/dns";
import { ConfigError, DeferError } from "@postbus/mail";
import { checkConfiguration, policySurroundings } from "@postbus/policy";
import {
  compileRouters,
  extractAddress,
  formatRouting,
  formatTraceStep,
  type RoutingContext,
  RoutingMemory,
  routingExitCode,
} from "@postbus/routing";
import { commonSettings, readSettings } from "@postbus/service-kit";
import { Type } from "typebox";
import { UsageError } from "../command.ts";
import { ownVariables } from "../own-variables.ts";
import { policyEnvironment, policyOptions } from "../policy-options.ts";

const RouteSettings = Type.Pick(Type.Object(commonSettings), ["config", "macros", "dnsServers"]);

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
  const env = ownVariables(RouteSettings, process.env);
  const { config, macros, dnsServers } = readSettings(RouteSettings, { ...env, ...policyEnvironment(values) });
  if (config === undefined) throw new UsageError("--config FILE names the configuration");
  const { configuration, faults } = checkConfiguration({
    file: resolve(config),
    macros: macrosOf(macros),
    readFile,
    portable: true,
  });
  if (configuration === undefined) throw new ConfigError(faults.join("\n"));

  const surroundings = policySurroundings(configuration, {
    hostname: hostname(),
    localAddresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
    environment: process.env,
    resolver: await openResolver(dnsServers),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
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

/** `NAME=value`, one a line. */
function macrosOf(text: string): Map<string, string> {
  const all = text.split("\n").filter((line) => line !== "");
  return new Map(all.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]));
}

function readFile(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
