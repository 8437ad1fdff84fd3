export type { AttemptResult } from "./attempt-result.ts";
export { type Attempted, type ConcludeContext, conclude } from "./conclude.ts";
export type { RetryStep } from "./retry-delay.ts";
