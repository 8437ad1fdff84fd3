import type { RecordData } from "@postbus/dns";

/** The record types that have several parts. */
type PartedType = "MX" | "SOA" | "SPF" | "SRV" | "TLSA" | "TXT";

/**
 * A record as dnsdb gives it.
 *
 * @param joiner Between the parts; undefined: the type's own way; "" (written as a semicolon): joined without anything,
 * where Exim leaves out parts that could not be told apart.
 */
export const recordText: { readonly [T in PartedType]: (data: RecordData[T], joiner: string | undefined) => string } = {
  MX: ({ preference, exchange }, joiner = " ") => `${preference}${joiner}${exchange}`,
  SOA({ mname, rname, serial, refresh, retry, expire, minimum }, joiner) {
    if (joiner === undefined || joiner === "") return mname;
    return [mname, rname, serial, refresh, retry, expire, minimum].join(joiner);
  },
  SRV({ priority, weight, port, target }, joiner = " ") {
    return joiner === "" ? `${priority}${target}` : [priority, weight, port, target].join(joiner);
  },
  TLSA({ usage, selector, matchingType, certificate }, joiner = " ") {
    return joiner === "" ? `${usage}` : [usage, selector, matchingType, certificate.toString("hex")].join(joiner);
  },
  TXT: (strings, joiner) => (joiner === undefined ? (strings[0] ?? "") : strings.join(joiner)),
  SPF: (strings, joiner = "") => strings.join(joiner),
};
