import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Resolver } from "@postbus/dns";
import { compilePolicy, PolicyError } from "./compile-policy.ts";
import type { DeliveryAbilities } from "./compiled/check-local-deliveries.ts";
import { parseMacros } from "./load/parse-macros.ts";
import type { Policy } from "./policy.ts";
import { type CheckedConfiguration, checkConfiguration } from "./reader/check-configuration.ts";
import type { Problem } from "./reader/problem.ts";

/** What a newcomer's `npm start` runs with. */
export const defaultPolicyFile = fileURLToPath(new URL("../../../deploy/policies/postbus.conf", import.meta.url));

export interface LoadOptions {
  /** The policy file; absent: the example that comes with the program. */
  readonly file?: string | undefined;
  /** Win over definitions of the same name in the file; as text, one `NAME=value` a line. */
  readonly macros?: ReadonlyMap<string, string> | string | undefined;
  /** Data directory: `$env{POSTBUS_DATA}` for the policy. */
  readonly data?: string | undefined;
  /** For lookups and lists that ask the DNS; absent: those defer. */
  readonly resolver?: Resolver | undefined;
  /** What the process can do that delivers by the policy; absent: this one does not deliver. */
  readonly delivery?: DeliveryAbilities;
  /** For another machine: what this one lacks is a notice. */
  readonly portable?: boolean;
}

/** Reads the operator's file and says what is wrong with it, without making a policy of it. @throws {ConfigError} for macros. */
export function readPolicy(options: Pick<LoadOptions, "file" | "macros" | "portable">): ReadPolicy {
  const { file = defaultPolicyFile, macros = "", portable = false } = options;
  const path = resolve(file);
  const checked = checkConfiguration({
    file: path,
    macros: typeof macros === "string" ? parseMacros(macros) : macros,
    readFile: readIfThere,
    portable,
  });
  return { ...checked, path };
}

export interface ReadPolicy extends CheckedConfiguration {
  readonly path: string;
}

/**
 * Reads the operator's policy. Loading has no effect outside: a policy that is wrong leaves nothing behind, and a
 * caller that has one goes on with it.
 *
 * @throws {ConfigError} the file cannot be read, or all of its problems, one a line, as `file:line: text`, in their order.
 */
export async function loadPolicy(options: LoadOptions): Promise<Policy> {
  const { data = "data", resolver } = options;
  const { configuration, readable, faultsFound, notices, path } = readPolicy(options);
  const compiled = (): Policy =>
    compilePolicy({
      configuration: readable,
      file: path,
      notices,
      programVersion: PROGRAM_VERSION,
      process: {
        hostname: hostname(),
        localAddresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
        environment: { ...process.env, POSTBUS_DATA: resolve(data) },
        timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        ...(resolver === undefined ? {} : { resolver }),
      },
      ...(options.delivery === undefined ? {} : { delivery: options.delivery }),
    });
  if (configuration !== undefined) return compiled();
  throw new PolicyError([...faultsFound, ...(await furtherFaults(faultsFound, compiled))], readable);
}

/** What cannot be carried out of a file that cannot be used as it stands, so that it is repaired in one go. */
async function furtherFaults(found: readonly Problem[], compile: () => Policy): Promise<readonly Problem[]> {
  try {
    await compile().stop();
    return [];
  } catch (err) {
    // What is missing may be in the way of everything; what was found is enough to begin with.
    if (!(err instanceof PolicyError)) return [];
    const isNew = ({ place }: Problem): boolean =>
      !found.some((known) => known.place.file === place.file && known.place.line === place.line);
    return err.problems.filter(isNew);
  }
}

/** Of Exim's language: what configurations test with `$version_number`. */
export const PROGRAM_VERSION = "4.100";

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
