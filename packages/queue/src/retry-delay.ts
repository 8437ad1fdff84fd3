/** One step of a retry rule: `F,2h,15m`, `G,16h,1h,1.5` or `H,…` (spec: queue, retry §1). */
export type RetryStep =
  | { readonly kind: "F"; readonly cutoffMs: number; readonly intervalMs: number }
  | { readonly kind: "G" | "H"; readonly cutoffMs: number; readonly intervalMs: number; readonly factor: number };
