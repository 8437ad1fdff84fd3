export type { AttemptResult, HostsStand } from "./attempt-result.ts";
export type { Attempted, ConcludeContext } from "./attempted.ts";
export { conclude } from "./conclude.ts";
export { partItemId } from "./part-item-id.ts";
export { DEFAULT_QUEUE_RULES, type QueueRules } from "./queue-rules.ts";
export { failedAgain, isPastLastCutoff } from "./records/retry-record.ts";
export { RetryRecords } from "./records/retry-records.ts";
export { redactedReport } from "./redacted-report.ts";
export type { RetryStep } from "./retry-delay.ts";
