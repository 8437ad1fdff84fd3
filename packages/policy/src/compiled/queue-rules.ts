import type { QueueRules } from "@postbus/queue";
import { splitList } from "../matching/split-list.ts";
import type { Configuration } from "../reader/configuration.ts";

/** What main options say about mail that waits. */
export const queueRules = ({ main }: Configuration): QueueRules => ({
  retryIntervalMaxMs: main.get("retry_interval_max"),
  retryDataExpireMs: main.get("retry_data_expire"),
  retryJitterPercent: main.get("retry_jitter"),
  autoThawMs: main.get("auto_thaw"),
  ignoreBounceErrorsAfterMs: main.get("ignore_bounce_errors_after"),
  timeoutFrozenAfterMs: main.get("timeout_frozen_after"),
  freezeTell: [...splitList(main.get("freeze_tell") ?? "").items].filter((address) => address !== ""),
  queueRunIntervalMs: main.get("queue_run_interval"),
});
