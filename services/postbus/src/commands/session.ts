import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../command.ts";
import { policyOptions, policySettings } from "../policy-options.ts";
import { printable } from "../printable.ts";
import { runSession } from "../session/run-session.ts";
import { readToolPolicy } from "../tool-policy.ts";

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
  const { data, redisUrl } = policySettings(values);
  const { configuration, file, notices, process: parts } = await readToolPolicy(values, { isPortable: false });
  for (const notice of notices) process.stderr.write(`>>> ${notice}\n`);
  await runSession({
    configuration,
    client,
    file,
    dataDirectory: resolve(data),
    redisUrl,
    ...parts,
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
