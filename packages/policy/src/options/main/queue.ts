import { readTime as time } from "../../reader/option-value.ts";
import { alias, delivery, everywhere, gateway, ignored, later, type OptionTable, refused, router } from "../option.ts";

const SYSTEM_FILTER = "filter files; the DATA ACL and routers with `condition` can do the same";

/** Every item has its own time. */
const NO_RUNS = "there are no queue runs";

const checkQueueFile = (text: string): string | undefined =>
  /(?:^|:)\s*smtp/.test(text)
    ? "with smtp before it, mail would be routed and not delivered: not available"
    : undefined;

/** Routing, delivery and retrying as a whole (Exim's manual, "Main configuration"). */
export const queueOptions = {
  auto_thaw: delivery("time", time("0s")),
  callout_domain_negative_expire: gateway("time", time("3h")),
  callout_domain_positive_expire: gateway("time", time("7d")),
  callout_negative_expire: gateway("time", time("2h")),
  callout_positive_expire: gateway("time", time("24h")),
  callout_random_local_part: gateway("string*", "$primary_hostname-$tod_epoch-testing"),
  deliver_drop_privilege: ignored("boolean", false),
  deliver_queue_load_max: ignored("fixed", undefined, NO_RUNS),
  disable_fsync: ignored("boolean", false),
  event_action: everywhere("string*"),
  hold_domains: router("domain list*"),
  ignore_bounce_errors_after: delivery("time", time("10w")),
  keep_malformed: ignored("time", time("4d")),
  move_frozen_messages: ignored("boolean", false),
  mua_wrapper: refused("boolean", "a fleet is no wrapper for a mail user agent: `postbus send` sends one message"),
  queue_domains: router("domain list*"),
  queue_fast_ramp: ignored("boolean", true),
  queue_only: gateway("boolean", false),
  queue_only_file: gateway("list", undefined, { check: checkQueueFile }),
  queue_only_load: gateway("fixed"),
  queue_only_load_latch: ignored("boolean", true, "the load is looked at for each message"),
  queue_only_override: ignored("boolean", true, "it is about Exim's command line"),
  queue_run_in_order: ignored("boolean", false, NO_RUNS),
  queue_run_interval: everywhere("time", time("30m"), "not in Exim: how long mail waits that is only queued at first"),
  queue_run_max: ignored("integer*", 5, NO_RUNS),
  queue_run_order: ignored("string", "random", NO_RUNS),
  queue_smtp_domains: later("domain list*", "routing without delivering; use queue_domains"),
  remote_max_parallel: ignored(
    "integer",
    6,
    "every delivery is an item of its own; `max_parallel` of transports is the limit",
  ),
  remote_sort_domains: ignored("domain list*"),
  retry_data_expire: delivery("time", time("7d")),
  retry_interval_max: delivery("time", time("24h")),
  retry_jitter: delivery("integer", 10, "not in Exim: hundredths of a delay, by chance added to it"),
  srs_config: router("list*"),
  srs_hashlength: router("integer", 6),
  srs_hashmin: router("integer", -1),
  srs_maxage: router("integer", 31),
  srs_safe_hash: router("boolean", false, "not in Exim"),
  srs_secrets: router("list*"),
  srs_usehash: router("boolean", true),
  srs_usetimestamp: router("boolean", true),
  system_filter: later("string*", SYSTEM_FILTER),
  system_filter_directory_transport: ignored("string*"),
  system_filter_file_transport: ignored("string*"),
  system_filter_group: ignored("string"),
  system_filter_pipe_transport: ignored("string*"),
  system_filter_reply_transport: ignored("string*"),
  system_filter_user: ignored("string"),
  timeout_frozen_after: delivery("time", time("0s")),
  tpda_event_action: alias("string*", ["event_action"], "as in the first descriptions of events"),
} satisfies OptionTable;
