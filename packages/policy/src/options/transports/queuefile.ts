import type { DriverTable } from "../driver-table.ts";
import { delivery } from "../option.ts";

/** Puts the message into a directory as spool files of Exim. */
export const queuefileTransport = {
  status: { kind: "supported", reader: "delivery" },
  options: {
    directory: delivery("string*"),
  },
  check({ options, error }) {
    if (options.get("directory") === undefined) error("directory must be set");
  },
} satisfies DriverTable;
