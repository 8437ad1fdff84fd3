import type { DriverTable } from "../driver-table.ts";

/** Takes addresses whose domain is an IP address in brackets (Exim's manual, "The ipliteral router"). */
export const ipliteralRouter = {
  status: { kind: "supported", reader: "router" },
  options: {},
  check({ options, error }) {
    const needsTransport = options.get("transport") === undefined && options.get("verify_only") !== true;
    if (needsTransport) error("a transport is required for this router");
  },
} satisfies DriverTable;
