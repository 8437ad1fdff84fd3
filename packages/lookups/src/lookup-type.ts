import type { LookupOptions, LookupScope } from "./lookup.ts";
import type { LookupSettings } from "./lookup-settings.ts";

/**
 * A member of the family in `types/`. Those with a file are opened by path and answer keys; the others are drivers that
 * answer queries. All strings are octet strings: every character is 0..255.
 */
export type LookupType = FileLookupType | PairLookupType | QueryLookupType;

interface CommonLookupType {
  readonly name: string;
  /**
   * What `${quote_NAME:...}` does; undefined: nothing, the string stays as it is (and untrusted data stays untrusted).
   *
   * @returns undefined for an option (`${quote_NAME_OPTION:...}`) that does not exist.
   */
  readonly quote?: (text: string, option: string | undefined) => string | undefined;
}

/** `${lookup{KEY}TYPE{FILE}}`. */
export interface FileLookupType extends CommonLookupType {
  readonly style: "single-key";
  /** Anything else at the path is a failure to open. */
  readonly wants: "regular file" | "directory";
  /**
   * Opens one version of the file; called again when the file has changed. The old one is closed when nobody uses it any
   * more. Must not read without bound (a file may be larger than memory) nor hold up the event loop.
   *
   * @throws {LookupDefer} or an error with a `code` (ENOENT), which becomes one with the text of `openFailure`.
   */
  open(path: string, settings: LookupSettings): Promise<OpenFile>;
  /** Exim's text for a file that cannot be opened. @param problem The system's words: `No such file or directory`. */
  openFailure(path: string, problem: string): string;
}

/** One version of a file, ready to answer. */
export interface OpenFile {
  /** @returns undefined: there is no such key. @throws {LookupDefer} */
  find(key: string, request: FindRequest): Finding | undefined | Promise<Finding | undefined>;
  close(): void | Promise<void>;
}

/** What goes with a key or a query. */
export interface FindRequest {
  readonly options: LookupOptions;
  readonly scope: LookupScope;
}

/** `${lookup{KEY}TYPE{OTHER}}`: what stands where others have a file is none. */
export interface PairLookupType extends CommonLookupType {
  readonly style: "single-key";
  readonly wants: "no file";
  /** Called once for each `LookupTable`, at the first use. */
  start(settings: LookupSettings): PairDriver;
}

/** Answers pairs of strings. */
export interface PairDriver {
  /** @returns undefined: no data. @throws {LookupDefer} */
  find(key: string, other: string, request: FindRequest): Promise<Finding | undefined>;
}

/** `${lookup TYPE{QUERY}}`. */
export interface QueryLookupType extends CommonLookupType {
  readonly style: "query";
  /** The driver with its connections; called once for each `LookupTable`, at the first query. */
  start(settings: LookupSettings): QueryDriver | Promise<QueryDriver>;
}

/** Answers the queries of one type. */
export interface QueryDriver {
  /** @returns undefined: no data. @throws {LookupDefer} */
  find(query: string, request: QueryRequest): Finding | undefined | Promise<Finding | undefined>;
  close?(): void | Promise<void>;
}

export interface QueryRequest extends FindRequest {
  /** The query holds untrusted data: it may not begin with a file name or with a choice of servers. */
  readonly isTainted: boolean;
}

/** What a type found. */
export interface Finding {
  /** undefined: nothing, but see `isWrite`. */
  readonly data: string | undefined;
  /** How long it may be kept within the scope; undefined: as long as the scope. */
  readonly ttlSeconds?: number;
  /** The query may have changed something: neither this answer nor any other of this driver is kept. */
  readonly isWrite?: boolean;
  /** dnsdb: what `$lookup_dnssec_authenticated` becomes. */
  readonly dnssec?: "yes" | "no" | "";
}
