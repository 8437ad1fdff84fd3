import type { DriverTable } from "../driver-table.ts";

/** Takes every address that it is asked about (Exim's manual, "The accept router"). */
export const acceptRouter = {
  status: { kind: "supported", reader: "router" },
  options: {},
  check({ options, error }) {
    const needsTransport = options.get("transport") === undefined && options.get("verify_only") !== true;
    if (needsTransport) error("a transport is required for this router");
  },
} satisfies DriverTable;
