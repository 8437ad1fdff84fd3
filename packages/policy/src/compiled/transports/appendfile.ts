import { isAbsolute } from "node:path";
import { DeferError } from "@postbus/mail";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import { failureText } from "../../expansion/failures.ts";
import { Tainted, type Value } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../policy.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { compileMessageOptions } from "./message-options.ts";
import { variablesIn } from "./variables-in.ts";

type Settings = Extract<TransportSettings, { kind: "appendfile" }>;

/** Recipients of one item of a local transport: what a crash may make a delivery do again. */
const MAX_LOCAL_RECIPIENTS = 100;

/** A transport into Maildirs. */
export function compileAppendfile(
  { name, place, options }: Settings,
  shared: SharedSurroundings,
  problems: ProblemList,
): CompiledTransport {
  const source = options.get("directory");
  if (source === undefined || !options.get("maildir_format")) {
    problems.error(place, `transport ${name}: only Maildirs are available: set directory and maildir_format`);
  }
  const directory = compileExpansion(source ?? "");
  const message = compileMessageOptions(options, shared);
  const sources = [...(directory.constant === undefined ? [directory.source] : []), ...message.sources];
  return {
    name,
    driver: "appendfile",
    maxRcpt: MAX_LOCAL_RECIPIENTS,
    hasOwnHosts: false,
    variables: sources.length > 0 ? variablesIn(sources) : undefined,
    at: (variables) => ({
      driver: "appendfile",
      name,
      message: (address) => message.at(variables(address)),
      async directory(address) {
        let path: Value;
        try {
          path = await directory.run(createEvaluation({ ...shared, variables: variables(address) }));
        } catch (err) {
          const text = failureText(err);
          if (text === undefined) throw err;
          throw new DeferError("maildir", `failed to expand directory "${directory.source}": ${text}`, { cause: err });
        }
        if (path instanceof Tainted) {
          throw new DeferError("maildir", `attempt to use tainted value from "${directory.source}" for directory`);
        }
        if (!isAbsolute(path)) throw new DeferError("maildir", `"${path}" is no absolute path`);
        return path;
      },
    }),
  };
}
