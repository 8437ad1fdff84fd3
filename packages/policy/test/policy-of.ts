import { compilePolicy } from "../src/compile-policy.ts";
import type { Policy } from "../src/policy.ts";
import { readConfiguration } from "../src/reader/read-configuration.ts";

/** The policy of a text, on a machine that has nothing. @throws {ConfigError} */
export function policyOf(text: string, macros: Readonly<Record<string, string>> = {}): Policy {
  const { configuration } = readConfiguration({
    file: "p.conf",
    macros: new Map(Object.entries(macros)),
    readFile: (path) => (path === "p.conf" ? Buffer.from(text, "latin1") : undefined),
  });
  const process = { hostname: "mx.here.test", localAddresses: [], environment: {} };
  return compilePolicy({ configuration, file: "p.conf", process, programVersion: "4.100" });
}
