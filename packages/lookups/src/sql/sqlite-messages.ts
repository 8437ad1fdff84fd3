/** To the process. */
export interface SqliteQuestion {
  readonly id: number;
  readonly file: string;
  readonly query: string;
}

/** From the process. */
export type SqliteReply = { readonly id: number } & (
  | { readonly kind: "data"; readonly data: string | undefined }
  /** The query is wrong: for Exim the same as no data. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The file cannot be opened. */
  | { readonly kind: "closed"; readonly reason: string }
  /** It may be answered later: locked, disk trouble. */
  | { readonly kind: "later"; readonly reason: string }
);
