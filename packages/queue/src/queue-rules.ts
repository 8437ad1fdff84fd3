import { RETRY_INTERVAL_MAX_MS } from "./retry-delay.ts";

/** What main options say about mail that waits. Times in milliseconds. */
export interface QueueRules {
  /** `retry_interval_max`: bounds every delay. */
  readonly retryIntervalMaxMs: number;
  /** `retry_data_expire`: what has not been tried for so long is forgotten. */
  readonly retryDataExpireMs: number;
  /** `retry_jitter`, ours: up to so many hundredths of a delay are added to it, so that what waits for one host does not come back at once. */
  readonly retryJitterPercent: number;
  /** `auto_thaw`; 0: frozen messages stay. */
  readonly autoThawMs: number;
  /** `ignore_bounce_errors_after` */
  readonly ignoreBounceErrorsAfterMs: number;
  /** `timeout_frozen_after`; 0: never. */
  readonly timeoutFrozenAfterMs: number;
  /** `freeze_tell`: who is told of a message that is frozen. */
  readonly freezeTell: readonly string[];
  /** `queue_run_interval`, ours: how long mail waits that is only queued at first. */
  readonly queueRunIntervalMs: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Exim's defaults, and ours for `retry_jitter`. */
export const DEFAULT_QUEUE_RULES: QueueRules = {
  retryIntervalMaxMs: RETRY_INTERVAL_MAX_MS,
  retryDataExpireMs: 7 * DAY_MS,
  retryJitterPercent: 10,
  autoThawMs: 0,
  ignoreBounceErrorsAfterMs: 70 * DAY_MS,
  timeoutFrozenAfterMs: 0,
  freezeTell: [],
  queueRunIntervalMs: 30 * 60_000,
};
