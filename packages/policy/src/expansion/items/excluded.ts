import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";

/** Items of Exim that load code into the process; they are read, so that the rest of a policy works, and fail when used. */
function excluded(name: string, min: number, max: number, reason: string): Item {
  return {
    name,
    compile(parser) {
      parser.allArguments(name, min, max);
      return () => {
        throw new ExpansionFailure(`\${${name}}: ${reason}`);
      };
    },
  };
}

export const dlfunc = excluded("dlfunc", 2, 18, "native code is not loaded");
export const perl = excluded("perl", 1, 9, "there is no Perl interpreter");
