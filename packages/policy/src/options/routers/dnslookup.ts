import type { DriverTable } from "../driver-table.ts";
import { ignored, later, router } from "../option.ts";

/** Finds hosts by MX and address records (Exim's manual, "The dnslookup router"). */
export const dnslookupRouter = {
  status: { kind: "supported", reader: "router" },
  options: {
    check_secondary_mx: router("boolean", false),
    check_srv: router("list*"),
    fail_defer_domains: router("domain list*"),
    ipv4_only: router("boolean*", false),
    ipv4_prefer: router("boolean*", false),
    mx_domains: router("domain list*"),
    mx_fail_domains: router("domain list*"),
    qualify_single: ignored("boolean", true),
    rewrite_headers: ignored("boolean", true),
    same_domain_copy_routing: router("boolean", false),
    search_parents: later("boolean", "searching parent domains; name the domains in full"),
    srv_fail_domains: router("domain list*"),
    widen_domains: router("list"),
  },
  check({ options, error }) {
    const needsTransport = options.get("transport") === undefined && options.get("verify_only") !== true;
    if (needsTransport) error("a transport is required for this router");
  },
} satisfies DriverTable;
