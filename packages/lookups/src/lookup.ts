import type { LookupCache } from "./lookup-cache.ts";
import type { LookupType } from "./lookup-type.ts";

/**
 * The text before the file or query in a use of a lookup, read: `partial1-lsearch*@,ret=full`. Made by
 * `parseLookupType`, once for each place in a configuration.
 */
export interface LookupSpec {
  readonly type: LookupType;
  /** Try shorter and shorter ends of the key, after `affix`, down to `minimum` components (single-key types only). */
  readonly partial: { readonly minimum: number; readonly affix: string } | undefined;
  /** What is tried at last: the key `*`, or before that `*@` and the key's domain. */
  readonly defaults: "*" | "*@" | undefined;
  readonly options: LookupOptions;
}

/** What follows the type's name after commas. Names that a type does not know are ignored, as Exim does. */
export interface LookupOptions {
  /** `key`: yield the key that was asked for; `full`: the whole line, or the full path. */
  readonly ret?: "key" | "full";
  /** Neither read from the cache nor write to it, or not one of the two. */
  readonly cache?: "no" | "no_rd" | "no_wr";
  /** dsearch: what kind of entry counts. */
  readonly filter?: "file" | "dir" | "subdir";
  /** dsearch: `path` allows slashes in the key. */
  readonly key?: "path";
  /** Server types: a colon list of servers to ask, in place of all. */
  readonly servers?: string;
  /** sqlite: the database file. */
  readonly file?: string;
  /** All of them as written. */
  readonly text: string;
}

/** One lookup to be made. Strings are octet strings: every character is 0..255. */
export interface LookupRequest {
  readonly spec: LookupSpec;
  /** The key of a single-key type, or the query. Empty: not found, nobody is asked. */
  readonly key: string;
  /** Of a single-key type; an absolute path. Whoever calls has refused one made from untrusted data. */
  readonly file?: string;
  /** The query holds untrusted data: then it may not begin with a file name or with a choice of servers. */
  readonly isTainted?: boolean;
}

/** What a lookup says. That it cannot be said now is a `LookupDefer`, thrown. */
export type LookupOutcome = FoundData | NotFound;

export interface NotFound {
  readonly found: false;
  /** As in `FoundData`. */
  readonly dnssec?: "yes" | "no" | "";
}

export interface FoundData {
  readonly found: true;
  /** May be empty. */
  readonly data: string;
  /**
   * What `$1`, `$2`, ... become: for partial and default keys the wild and the fixed part of the key. Undefined: the
   * variables stay as they are.
   */
  readonly captures?: readonly string[];
  /** dnsdb: what `$lookup_dnssec_authenticated` becomes; undefined for the other types. */
  readonly dnssec?: "yes" | "no" | "";
}

/** Makes lookups; `LookupTable` is the real one. */
export interface Lookups {
  /**
   * Answers at once, without a promise, where nothing has to be waited for: a lookup made before in the same scope, or
   * one in a file that is in memory and was seen unchanged in this scope.
   *
   * @throws {LookupDefer} also as rejection.
   */
  find(request: LookupRequest, scope: LookupScope): LookupOutcome | Promise<LookupOutcome>;
}

/** What the surroundings of a lookup supply and keep: made anew for each SMTP transaction and each routing run. */
export interface LookupScope {
  /** What was answered in this scope; `new LookupCache()` at its beginning. */
  readonly cache: LookupCache;
  /** wildlsearch: the expanded key of a line. */
  readonly expandKey?: (text: string) => string | Promise<string>;
  /**
   * wildlsearch and nwildlsearch: whether `subject` matches a string list, without regard to case, of this one item (which
   * may be negated) that is not expanded nor split.
   */
  readonly matchStringItem?: (subject: string, item: string) => boolean | Promise<boolean>;
  /** Ends the waiting of whoever asks; a server's answer that comes later is thrown away. */
  readonly signal?: AbortSignal;
}
