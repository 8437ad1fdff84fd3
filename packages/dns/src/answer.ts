import type { RecordData, RecordType } from "./record.ts";

interface Common {
  /**
   * The AD bit: the resolver has validated this by DNSSEC (RFC 6840 §5.8). Only from a resolver that we believe; else false.
   */
  readonly authenticated: boolean;
  /** Seconds for which this may be kept; 0: not at all. */
  readonly ttlSeconds: number;
}

export interface Found<T extends RecordType> extends Common {
  readonly state: "found";
  /** At least one. In the order of the answer: whoever wants balance shuffles. */
  readonly records: readonly RecordData[T][];
  /** The name that has the records: the last of the CNAME chain, or the name asked for. */
  readonly name: string;
}

/** What the DNS says. That a name or a record does not exist is an answer; that nobody could tell is a `DeferError`. */
export type Answer<T extends RecordType = RecordType> =
  | Found<T>
  /** The name exists, but has no (usable) record of this type. */
  | ({ readonly state: "no data" } & Common)
  /** NXDOMAIN, or a name that cannot exist. */
  | ({ readonly state: "no such name" } & Common);

/** The records, or none: for callers to whom both kinds of absence are the same. */
export function recordsOf<T extends RecordType>(answer: Answer<T>): readonly RecordData[T][] {
  return answer.state === "found" ? answer.records : [];
}
