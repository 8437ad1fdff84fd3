/** Of which kind the subject is. A `string` list has no items but text, wildcards, patterns and lookups. */
export type ListKind = "domain" | "host" | "address" | "localpart" | "string";
