import { aclConditions } from "../options/acl/conditions.ts";
import { aclModifiers } from "../options/acl/modifiers.ts";
import { authenticatorOptions } from "../options/authenticators/generic.ts";
import { authenticatorDrivers } from "../options/authenticators/index.ts";
import type { DriverTable } from "../options/driver-table.ts";
import { logSelectors } from "../options/log-selectors.ts";
import { mainOptions } from "../options/main/index.ts";
import type { OptionStatus, OptionTable } from "../options/option.ts";
import { routerOptions } from "../options/routers/generic.ts";
import { routerDrivers } from "../options/routers/index.ts";
import { transportOptions } from "../options/transports/generic.ts";
import { transportDrivers } from "../options/transports/index.ts";
import { SIGNED_FIELDS } from "../options/transports/signed-fields.ts";

/** Features that are no option, condition or driver; those that we lack are left out, so that `.ifdef` tells the truth. */
const FEATURES = `
HAVE_ARC HAVE_BMI HAVE_CONTENT_SCANNING HAVE_CRYPTEQ HAVE_DANE HAVE_DCC HAVE_DKIM HAVE_DMARC HAVE_DNSSEC HAVE_DSN_INFO
HAVE_ESMTP_LIMITS HAVE_EVENT HAVE_I18N HAVE_ICONV HAVE_IPV6 HAVE_MALWARE_CLAMD HAVE_NATIVE_SRS HAVE_OCSP HAVE_OPENSSL HAVE_POSTBUS
HAVE_PRDR HAVE_PROXY HAVE_REQTLS HAVE_SOCKS HAVE_SPF HAVE_SRS HAVE_TLS HAVE_TLS1_3 HAVE_TLS_ALPN HAVE_TLS_OCSP HAVE_TLS_OCSP_LIST
HAVE_TLS_RESUME HAVE_TRANSPORT_APPEND_MAILDIR HAVE_TRANSPORT_APPEND_MAILSTORE HAVE_XCLIENT
HAVE_LOOKUP_CDB HAVE_LOOKUP_DNSDB HAVE_LOOKUP_DSEARCH HAVE_LOOKUP_JSON HAVE_LOOKUP_LMDB HAVE_LOOKUP_LSEARCH
HAVE_LOOKUP_MYSQL HAVE_LOOKUP_PASSWD HAVE_LOOKUP_PGSQL HAVE_LOOKUP_PSL HAVE_LOOKUP_REDIS HAVE_LOOKUP_REGDOM
HAVE_LOOKUP_SQLITE
CRYPTO_HASH_SHA3 CRYPTO_SIGN_ED25519
`
  .trim()
  .split(/\s+/);

/**
 * The macros that every configuration can test with `.ifdef`: one for each option, driver, condition and feature that is
 * there, `_OPT_MAIN_PRDR_ENABLE`, `_DRIVER_ROUTER_ACCEPT`, `_ACL_COND_SPF`, `_HAVE_TLS` (Exim's manual, "Predefined macros").
 *
 * @param features Further names, with their underscore: `_EXP_COND_FORANY`.
 */
export function predefinedMacros(features: Iterable<string> = []): ReadonlyMap<string, string> {
  const names = [
    ...FEATURES,
    ...optionNames("OPT_MAIN", mainOptions),
    ...driverNames("ROUTER", routerOptions, routerDrivers),
    ...driverNames("TRANSPORT", transportOptions, transportDrivers),
    ...driverNames("AUTHENTICATOR", authenticatorOptions, authenticatorDrivers),
    ...Object.keys(aclConditions).map((name) => `ACL_COND_${name}`),
    ...Object.keys(aclModifiers).map((name) => `ACL_MOD_${name}`),
    ...[...logSelectors].map((name) => `LOG_${name}`),
  ];
  const macros: readonly (readonly [string, string])[] = [
    ...[...names.map((name) => `_${name.toUpperCase()}`), ...features].map((name) => [name, "y"] as const),
    ["_RESUME_DECODE", Array.from({ length: 31 }, (_, i) => resumption(i + 1)).join(" : ")],
    ["_DKIM_SIGN_HEADERS", SIGNED_FIELDS.join(":")],
    ["_DKIM_OVERSIGN_HEADERS", SIGNED_FIELDS.map((name) => `+${name}`).join(":")],
  ];
  // Longer names first: the shorter would be replaced inside them.
  return new Map([...macros].sort(([a], [b]) => b.length - a.length));
}

/** What a value of `$tls_in_resumption` means, in words, for `listextract`; the words are ours. */
function resumption(bits: number): string {
  if ((bits & 16) !== 0) return (bits & 8) === 0 ? "session resumed" : "session resumed, and a new ticket";
  const offer = (bits & 4) === 0 ? "no session offered" : "session offered and not used";
  return (bits & 8) === 0 ? offer : `${offer}, new ticket`;
}

function isThere(status: OptionStatus): boolean {
  return status.kind === "supported" || status.kind === "ignored" || status.kind === "alias";
}

function optionNames(prefix: string, table: OptionTable): string[] {
  return Object.keys(table)
    .filter((name) => table[name] !== undefined && isThere(table[name].status))
    .map((name) => `${prefix}_${name}`);
}

function driverNames(noun: string, generic: OptionTable, kinds: Readonly<Record<string, DriverTable>>): string[] {
  const there = Object.entries(kinds).filter(([, table]) => isThere(table.status));
  return [
    ...optionNames(`OPT_${noun}S`, generic),
    ...there.map(([kind]) => `DRIVER_${noun}_${kind}`),
    ...there.flatMap(([kind, table]) => optionNames(`OPT_${noun}_${kind}`, table.options)),
  ];
}
