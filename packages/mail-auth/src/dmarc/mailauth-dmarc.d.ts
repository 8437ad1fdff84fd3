/** Parts of the library's DMARC that it has no types for. */
declare module "mailauth/lib/dmarc/get-dmarc-record.js" {
  /** A record as the library parses it. */
  interface ParsedRecord {
    readonly p?: string;
    readonly sp?: string;
    readonly np?: string;
    readonly adkim?: string;
    readonly aspf?: string;
    readonly rua?: string;
    readonly rr: string;
  }
  type Lookup = (name: string) => Promise<ParsedRecord | false>;
  type Resolver = (name: string, type: string) => Promise<string[] | string[][]>;

  /** The record at `_dmarc.<name>`; each name is asked once. Throws what the resolver throws, but for "there is none". */
  export function createRecordLookup(resolver: Resolver, options: { readonly strict: boolean }): Lookup;
  /** By the tree walk (RFC 9989 §4.10.2). */
  export function getOrgDomain(domain: string, lookup: Lookup): Promise<string>;
  /** The policies as they count (RFC 9989 §4.10.1); null: the record does not count. */
  export function getPolicyTags(
    record: ParsedRecord,
  ): { readonly p: string; readonly sp?: string | undefined; readonly np?: string | undefined } | null;
}

declare module "mailauth/lib/dmarc/author-domain.js" {
  /** The domain of the author, if there is one (RFC 9989 §5.3.1). */
  export function getAuthorDomain(
    headerFrom: readonly string[],
    fromFields: number,
  ): { readonly domain?: string; readonly authorDomain?: string };
}
