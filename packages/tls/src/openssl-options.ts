import { constants } from "node:crypto";

/** Exim's names (its manual, "openssl_options") for bits that OpenSSL 3 and Node.js still have. */
const BITS: Readonly<Record<string, number>> = {
  __proto__: null as never,
  all: constants.SSL_OP_ALL,
  allow_unsafe_legacy_renegotiation: constants.SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION,
  cipher_server_preference: constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  cookie_exchange: constants.SSL_OP_COOKIE_EXCHANGE,
  cryptopro_tlsext_bug: constants.SSL_OP_CRYPTOPRO_TLSEXT_BUG,
  dont_insert_empty_fragments: constants.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS,
  legacy_server_connect: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  no_compression: constants.SSL_OP_NO_COMPRESSION,
  no_renegotiation: constants.SSL_OP_NO_RENEGOTIATION,
  no_session_resumption_on_renegotiation: constants.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION,
  no_sslv2: constants.SSL_OP_NO_SSLv2,
  no_sslv3: constants.SSL_OP_NO_SSLv3,
  no_ticket: constants.SSL_OP_NO_TICKET,
  no_tlsv1: constants.SSL_OP_NO_TLSv1,
  no_tlsv1_1: constants.SSL_OP_NO_TLSv1_1,
  no_tlsv1_2: constants.SSL_OP_NO_TLSv1_2,
  no_tlsv1_3: constants.SSL_OP_NO_TLSv1_3,
  tls_rollback_bug: constants.SSL_OP_TLS_ROLLBACK_BUG,
  // Nothing else is done by the library any more.
  single_dh_use: 0,
  single_ecdh_use: 0,
};

/** Exim's default; what an operator sets is added to it or taken from it. */
const USUAL = "+no_sslv2 +no_sslv3 +single_dh_use +no_ticket +no_renegotiation";

export interface OpensslOptions {
  /** For `secureOptions` of Node.js. */
  readonly bits: number;
  /** Items that mean nothing here. */
  readonly unknown: readonly string[];
}

/** Reads `+name -name …`. Versions below TLS 1.2 stay off whatever is said (RFC 8996). */
export function opensslOptions(text = ""): OpensslOptions {
  let bits = 0;
  const unknown: string[] = [];
  for (const item of `${USUAL} ${text}`.split(/[ \t\r\n]+/)) {
    if (item === "") continue;
    const bit = BITS[item.slice(1).toLowerCase()];
    if (bit === undefined || !/^[+-]/.test(item)) unknown.push(item);
    else bits = item.startsWith("+") ? bits | bit : bits & ~bit;
  }
  // OpenSSL's own set has the highest bit in it, and a signed number is none to Node.js.
  return { bits: bits >>> 0, unknown };
}
