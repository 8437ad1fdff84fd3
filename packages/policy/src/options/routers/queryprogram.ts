import { readTime as time } from "../../reader/option-value.ts";
import type { DriverTable } from "../driver-table.ts";
import { ignored } from "../option.ts";

/** Asks a program where an address goes; not available. */
export const queryprogramRouter = {
  status: { kind: "later", what: "asking a program where an address goes; a lookup can do it" },
  options: {
    command: ignored("string*"),
    command_group: ignored("string"),
    command_user: ignored("string"),
    current_directory: ignored("string", "/"),
    timeout: ignored("time", time("1h")),
  },
} satisfies DriverTable;
