import { readTime as time } from "../../reader/option-value.ts";
import type { DriverTable } from "../driver-table.ts";
import { ignored } from "../option.ts";

/** Asks a server where an address goes; not available. */
export const iplookupRouter = {
  status: { kind: "later", what: "the iplookup protocol; a lookup can do it" },
  options: {
    hosts: ignored("string"),
    optional: ignored("boolean", false),
    port: ignored("integer", 0),
    protocol: ignored("string", "udp"),
    query: ignored("string*"),
    reroute: ignored("string*"),
    response_pattern: ignored("string"),
    timeout: ignored("time", time("5s")),
  },
} satisfies DriverTable;
