export type { AttemptResult } from "./attempt-result.ts";
export type { Attempted, ConcludeContext } from "./attempted.ts";
export { conclude } from "./conclude.ts";
export { partItemId } from "./part-item-id.ts";
export { redactedReport } from "./redacted-report.ts";
export { defaultReports, type ReportPolicy } from "./report-policy.ts";
export type { RetryStep } from "./retry-delay.ts";
export { successReports } from "./success-reports.ts";
