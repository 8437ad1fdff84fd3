import { isIPv6 } from "node:net";
import { trim } from "@postbus/mail";
import { colonItems } from "../colon-list.ts";
import { LookupDefer } from "../lookup-defer.ts";

/** `lax`: temporary errors count only if no name has data; `strict`: any counts; `never`: they are the same as no data. */
export type DeferMode = "strict" | "lax" | "never";
/** `strict`: an answer that is not authenticated counts as a temporary error; `never`: nobody looks at that. */
export type DnssecMode = "strict" | "lax" | "never";

/** What `dnsdb` is asked, read. */
export interface DnsdbQuery {
  readonly type: DnsdbType;
  readonly names: readonly string[];
  readonly deferMode: DeferMode;
  readonly dnssecMode: DnssecMode;
  /** Between records. */
  readonly separator: string;
  /** Between the parts of a record: `undefined`: the type's own way; "": none, see `recordText`. */
  readonly joiner: string | undefined;
}

const TYPES = [
  "a",
  "aaaa",
  "a+",
  "cname",
  "csa",
  "mx",
  "mxh",
  "ns",
  "ptr",
  "soa",
  "spf",
  "srv",
  "tlsa",
  "txt",
  "zns",
] as const;
export type DnsdbType = (typeof TYPES)[number];

const SPACE = /^[ \t-\r]+/;
const MODIFIER = /^(defer|dnssec|retrans|retry)_/;
const isMode = (value: string): value is DeferMode => value === "strict" || value === "lax" || value === "never";
/** Exim's time: `5s`, `1m30s`. */
const TIME = /^(?:[0-9]+[wdhms])+/;

/**
 * Reads `[>SEPARATOR[,JOINER|;]] [defer_X,][dnssec_X,][retrans_T,][retry_N,] [TYPE=]NAMES` (Exim's manual, "More about
 * dnsdb"). How long and how often to ask (`retrans_`, `retry_`) is checked and left to our resolver.
 *
 * @throws {LookupDefer} with Exim's text.
 */
export function parseDnsdbQuery(query: string): DnsdbQuery {
  const failure = (reason: string): LookupDefer => new LookupDefer("dnsdb", reason);
  let rest = query;
  let separator = "\n";
  let joiner: string | undefined;
  if (rest.startsWith(">")) {
    separator = rest.charAt(1);
    const next = rest.charAt(2);
    if (next === ";") joiner = "";
    if (next === ",") joiner = rest.charAt(3);
    rest = rest.slice(next === "," ? 4 : next === ";" ? 3 : 2).replace(SPACE, "");
  }
  let deferMode: DeferMode = "lax";
  let dnssecMode: DnssecMode = "lax";
  for (let modifier = MODIFIER.exec(rest); modifier !== null; modifier = MODIFIER.exec(rest)) {
    const [start, kind] = modifier;
    rest = rest.slice(start.length);
    const [mode = ""] = /^[a-z]*/.exec(rest) ?? [];
    let value = mode;
    switch (kind) {
      case "defer":
        if (!isMode(mode)) throw failure("unsupported dnsdb defer behaviour");
        deferMode = mode;
        break;
      case "dnssec":
        if (!isMode(mode)) throw failure("unsupported dnsdb dnssec behaviour");
        dnssecMode = mode;
        break;
      case "retrans":
        value = TIME.exec(rest)?.[0] ?? "";
        if (value === "") throw failure("unsupported dnsdb timeout value");
        break;
      default:
        value = /^[0-9]*/.exec(rest)?.[0] ?? "";
    }
    rest = rest.slice(value.length).replace(SPACE, "");
    if (!rest.startsWith(",")) throw failure("dnsdb modifier syntax error");
    rest = rest.slice(1).replace(SPACE, "");
  }
  const equals = rest.indexOf("=");
  const name = equals === -1 ? "txt" : trim(rest.slice(0, equals)).toLowerCase();
  const type = TYPES.find((known) => known === name);
  if (type === undefined) throw failure("unsupported DNS record type");
  return { type, names: namesOf(rest.slice(equals + 1), type), deferMode, dnssecMode, separator, joiner };
}

/** A single IPv6 address needs no other separator than the usual one, which it is full of. */
function namesOf(list: string, type: DnsdbType): readonly string[] {
  const only = trim(list);
  return type === "ptr" && isIPv6(only) ? [only] : colonItems(list);
}
