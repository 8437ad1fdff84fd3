import { compileExpansion } from "@postbus/policy";
import { deferred, errorNumbers } from "../driver-result.ts";
import type { CompilePrecondition } from "./precondition.ts";

/** `router_home_directory`: sets `$home`, or another one than the account's. Met always, unless it cannot be expanded. */
export const homeDirectory: CompilePrecondition = ({ generic }) => {
  const text = generic.get("router_home_directory");
  if (text === undefined) return undefined;
  const expansion = compileExpansion(text);
  return {
    name: "router_home_directory",
    async test(attempt) {
      const expanded = await attempt.expand(expansion);
      if (expanded.kind === "failed") {
        const what = `failed to expand "${text}" for router_home_directory`;
        return deferred(`${what}: ${expanded.text}`, errorNumbers.expansion);
      }
      if (expanded.kind === "value") attempt.home = expanded.value;
      return undefined;
    },
  };
};
