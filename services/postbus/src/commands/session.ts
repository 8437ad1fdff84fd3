import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { openResolver } from "@postbus/dns";
import { ConfigError } from "@postbus/mail";
import { checkConfiguration } from "@postbus/policy";
import { commonSettings, readSettings } from "@postbus/service-kit";
import { Type } from "typebox";
import { UsageError } from "../command.ts";
import { ownVariables } from "../own-variables.ts";
import { policyEnvironment, policyOptions } from "../policy-options.ts";
import { printable } from "../printable.ts";
import { runSession } from "../session/run-session.ts";

const SessionSettings = Type.Pick(Type.Object(commonSettings), ["config", "macros", "data", "redisUrl", "dnsServers"]);

/**
 * `postbus session`: SMTP on standard input and output, as if from a host of the world. Nothing is queued; standard error
 * shows what each ACL has come by.
 *
 * @throws {ConfigError} with all problems of the configuration, one a line.
 */
export async function session(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...policyOptions, from: { type: "string" }, ip: { type: "string" } },
  });
  const given = values.from ?? values.ip;
  if (given === undefined) throw new UsageError("--from IP[:PORT] says from which host the session is");
  const client = parseClient(given);
  const env = ownVariables(SessionSettings, process.env);
  const settings = readSettings(SessionSettings, { ...env, ...policyEnvironment(values) });
  const { config, macros, data, redisUrl, dnsServers } = settings;
  if (config === undefined) throw new UsageError("--config FILE names the configuration");
  const file = resolve(config);
  const { configuration, faults, notices } = checkConfiguration({ file, macros: macrosOf(macros), readFile });
  if (configuration === undefined) throw new ConfigError(faults.join("\n"));
  for (const notice of notices) process.stderr.write(`>>> ${notice}\n`);
  await runSession({
    configuration,
    client,
    file,
    dataDirectory: resolve(data),
    redisUrl,
    resolver: await openResolver(dnsServers),
    hostname: hostname(),
    localAddresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
    environment: process.env,
    input: process.stdin,
    write: (text) => void process.stdout.write(text, "latin1"),
    trace: (line) => void process.stderr.write(`>>> ${printable(line)}\n`),
  });
  return 0;
}

/** `192.0.2.1`, `192.0.2.1:1234`, `192.0.2.1.1234` as in Exim, `2001:db8::1`, `[2001:db8::1]:1234`. */
function parseClient(text: string): { readonly address: string; readonly port: number } {
  if (isIP(text) !== 0) return { address: text, port: 0 };
  const [, bracketed, plain = "", port = "0"] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+?))(?:[:.]([0-9]{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (isIP(address) === 0 || Number(port) > 65_535) throw new UsageError(`--from ${text}: must be IP or IP:PORT`);
  return { address, port: Number(port) };
}

/** `NAME=value`, one a line. */
function macrosOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]));
}

function readFile(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
