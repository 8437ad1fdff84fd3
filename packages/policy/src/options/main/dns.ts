import { readTime as time } from "../../reader/option-value.ts";
import { alias, everywhere, ignored, type OptionTable, router } from "../option.ts";

/** How names and addresses are looked up. */
export const dnsOptions = {
  allow_mx_to_ip: router("boolean", false),
  disable_ipv6: everywhere("boolean", false),
  dns_again_means_nonexist: everywhere("domain list*"),
  dns_check_names_pattern: everywhere("string", "(?i)^(?>(?(1)\\.|())[^\\W](?>[a-z0-9/_-]*[^\\W])?)+(\\.?)$"),
  dns_cname_loops: everywhere("integer", 1),
  dns_csa_search_limit: ignored("integer", 5),
  dns_csa_use_reverse: ignored("boolean", true),
  dns_dnssec_ok: everywhere("integer", -1),
  dns_ipv4_lookup: everywhere("domain list*"),
  dns_retrans: everywhere("time", time("0s")),
  dns_retry: everywhere("integer", 0),
  dns_trust_aa: everywhere("domain list*"),
  dns_use_edns0: everywhere("integer", -1),
  dns_use_dnssec: alias("integer", ["dns_dnssec_ok"], "its name before Exim 4.82"),
  extra_local_interfaces: router("list"),
  hosts_treat_as_local: router("domain list*"),
} satisfies OptionTable;
