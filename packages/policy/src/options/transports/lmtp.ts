import { readTime as time } from "../../reader/option-value.ts";
import type { DriverTable } from "../driver-table.ts";
import { delivery } from "../option.ts";

/** Delivers by LMTP to a program or a Unix socket (Exim's manual, "The lmtp transport"). */
export const lmtpTransport = {
  status: { kind: "supported", reader: "delivery" },
  options: {
    batch_id: delivery("string*"),
    batch_max: delivery("integer", 1),
    command: delivery("string*"),
    ignore_quota: delivery("boolean", false),
    socket: delivery("string*"),
    timeout: delivery("time", time("5m")),
  },
  check({ options, error }) {
    const count = ["command", "socket"].filter((name) => options.get(name) !== undefined).length;
    if (count !== 1) error("one (and only one) of command or socket must be set");
  },
} satisfies DriverTable;
