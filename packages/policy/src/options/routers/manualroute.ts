import type { DriverTable } from "../driver-table.ts";
import { oneOf, router } from "../option.ts";

/** Sends domains to hosts named here (Exim's manual, "The manualroute router"). */
export const manualrouteRouter = {
  status: { kind: "supported", reader: "router" },
  options: {
    host_all_ignored: router("string", "defer", oneOf("decline", "defer", "fail", "freeze", "pass")),
    host_find_failed: router("string", "freeze", oneOf("decline", "defer", "fail", "freeze", "ignore", "pass")),
    hosts_randomize: router("boolean*", false),
    route_data: router("string*"),
    route_list: router("list"),
    same_domain_copy_routing: router("boolean", false),
  },
  check({ options, error }) {
    const count = ["route_list", "route_data"].filter((name) => options.get(name) !== undefined).length;
    if (count !== 1) error("route_list or route_data (but not both) must be specified");
  },
} satisfies DriverTable;
