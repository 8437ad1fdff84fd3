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
  const adds = {
    returnPath: options.get("return_path_add"),
    envelopeTo: options.get("envelope_to_add"),
    deliveryDate: options.get("delivery_date_add"),
  };
  return {
    name,
    driver: "appendfile",
    maxRcpt: MAX_LOCAL_RECIPIENTS,
    hasOwnHosts: false,
    variables: directory.constant === undefined ? variablesIn([directory.source]) : undefined,
    at: (variables) => ({
      driver: "appendfile",
      name,
      adds,
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
