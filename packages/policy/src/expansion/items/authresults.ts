import { then, withValues } from "../code.ts";
import type { Item } from "../parser.ts";
import { joined } from "../value.ts";

/** `${authresults{id}}`: an Authentication-Results header (RFC 8601) with the results that there are. */
export const authresults: Item = {
  name: "authresults",
  compile: (parser) =>
    withValues(parser.allArguments("authresults", 1, 1), ([id = ""], evaluation) =>
      then(evaluation.around.authenticationResults?.(id) ?? "", (results) =>
        joined(joined("Authentication-Results: ", id), results),
      ),
    ),
};
