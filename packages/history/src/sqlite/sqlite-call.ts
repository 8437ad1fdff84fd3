import type { SqliteStore } from "./sqlite-store.ts";

/** What the thread is asked. Calls are answered in order. */
export interface Call {
  readonly id: number;
  readonly method: keyof SqliteStore;
  readonly parameters: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };
