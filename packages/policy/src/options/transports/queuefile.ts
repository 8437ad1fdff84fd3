import type { DriverTable } from "../driver-table.ts";
import { delivery } from "../option.ts";

/** Puts the message into a directory as spool files of Exim. */
export const queuefileTransport = {
  status: { kind: "supported", reader: "delivery" },
  options: {
    directory: delivery("string*"),
    short_names: delivery("boolean", false, "Postbus; names that Exim up to 4.96 takes"),
  },
  check({ options, error }) {
    if (options.get("directory") === undefined) error("directory must be set");
  },
} satisfies DriverTable;
