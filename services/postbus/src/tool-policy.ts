import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { openResolver, type Resolver } from "@postbus/dns";
import { ConfigError } from "@postbus/mail";
import { type Configuration, type ProcessParts, readPolicy } from "@postbus/policy";
import { type PolicyWords, policySettings } from "./policy-options.ts";

/** A policy file that a command tries out, and what this process is to it: as the services have it. */
export interface ToolPolicy {
  readonly configuration: Configuration;
  readonly file: string;
  readonly notices: readonly string[];
  readonly process: ProcessParts & { readonly resolver: Resolver };
}

export interface ToolPolicyOptions {
  /** What this machine lacks (accounts, included files) is a notice. */
  readonly isPortable: boolean;
  /** Where no file is named; absent: the example, as everywhere. */
  readonly withoutFile?: string;
}

/**
 * Reads the policy that the words and the environment name.
 *
 * @throws {ConfigError} with all of its problems, one a line.
 */
export async function readToolPolicy(
  words: PolicyWords,
  { isPortable: portable, withoutFile }: ToolPolicyOptions,
): Promise<ToolPolicy> {
  const { config: file = withoutFile, macros, data, dnsServers } = policySettings(words);
  const { configuration, faults, notices, path } = readPolicy({ file, macros, portable });
  if (configuration === undefined) throw new ConfigError(faults.join("\n"));
  return {
    configuration,
    file: path,
    notices,
    process: {
      hostname: hostname(),
      localAddresses: Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
      environment: { ...process.env, POSTBUS_DATA: resolve(data) },
      resolver: await openResolver(dnsServers),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
  };
}
