export interface Entry {
  readonly key: string;
  /** JSON-shaped. */
  readonly value: unknown;
  /** Grows with every change of the key; for `update`. */
  readonly revision: number;
}

/** Small shared values. Keys: letters, digits, `-`, `_`, `=`, `.` and `/`; encode what comes from a peer. */
export interface KeyValue {
  get(key: string): Promise<Entry | undefined>;
  /** Last writer wins. @param ttlMs The entry is gone after so many milliseconds. @returns the new revision. */
  put(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<number>;
  /** Only if the key has no value. @returns undefined if it has one: somebody else was first. */
  create(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<number | undefined>;
  /** Only if the key still has that revision. @returns undefined if it has not. */
  update(
    key: string,
    value: unknown,
    revision: number,
    options?: { readonly ttlMs?: number },
  ): Promise<number | undefined>;
  delete(key: string): Promise<void>;
  /** Entries whose keys start with `prefix`, in no order. */
  list(prefix?: string): Promise<readonly Entry[]>;
}
