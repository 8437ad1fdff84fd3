/** Behind every key that starts with a given text: keys are Latin-1, one octet a character. */
export const AFTER_ALL = "\xff";

export interface Row {
  readonly key: string;
  readonly value: Buffer;
}

export interface RowRange {
  /** First key; inclusive. */
  readonly start: string;
  /** Exclusive. */
  readonly end?: string;
  readonly limit?: number;
}
