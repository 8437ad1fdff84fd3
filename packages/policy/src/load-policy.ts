import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "@postbus/mail";
import { compilePolicy } from "./compile-policy.ts";
import { parseMacros } from "./config/macros.ts";
import type { Policy } from "./policy.ts";

/** What a newcomer's `npm start` runs with. */
export const defaultPolicyFile = fileURLToPath(new URL("../../../deploy/policies/postbus.conf", import.meta.url));

export interface LoadOptions {
  /** The policy file; absent: the example that comes with the program. */
  readonly file?: string | undefined;
  /** Win over definitions of the same name in the file; as text, one `NAME=value` a line. */
  readonly macros?: ReadonlyMap<string, string> | string | undefined;
  /** Data directory; the default of `MAILDIR` is `mail` in it. */
  readonly data?: string | undefined;
}

/**
 * Reads the operator's policy. Loading has no effect outside: a policy that is wrong leaves nothing behind, and a
 * caller that has one goes on with it.
 *
 * @throws {ConfigError} the file cannot be read, or all of its problems, one a line, as `file:line: text`.
 */
export async function loadPolicy({
  file = defaultPolicyFile,
  macros = "",
  data = "data",
}: LoadOptions): Promise<Policy> {
  return compilePolicy({
    file,
    text: await readPolicyFile(file),
    macros: typeof macros === "string" ? parseMacros(macros) : macros,
    hostname: hostname(),
    dataDirectory: resolve(data),
  });
}

async function readPolicyFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (err) {
    throw new ConfigError(`${file}: cannot be read: ${err instanceof Error ? err.message : err}`, { cause: err });
  }
}
