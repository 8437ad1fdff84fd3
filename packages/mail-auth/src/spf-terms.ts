import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { LibraryResolver } from "./query-adapter.ts";

/**
 * Octets of a record's terms besides addresses: ten that ask the DNS are allowed (RFC 7208 §4.6.4), and a name has 253.
 * The library's time for nonsense grows with it: 100 ms for 16 KB, in which no session goes on.
 */
const MAX_TERMS_OCTETS = 4096;
/**
 * Macros in all records of one check: six for each of ten terms are more than anybody needs. The library's time grows with
 * them, whether a name comes out that can be asked for or not, and records that include each other are read ten times.
 */
const MAX_MACROS = 64;
/** For the library, mechanisms that there are none of: the record is faulty. */
const TOO_LONG = "v=spf1 record-too-long";
const TOO_MANY_MACROS = "v=spf1 too-many-macros";
/** RFC 7208 §4.6.4 */
const MAX_LOOKUPS = 10;
/** For the library a right term, and permerror where the evaluation comes to it: no name has an empty label. */
const LIMIT = "include:more-than-ten-dns-lookups..invalid";

/**
 * The DNS with each SPF record made easy for the library: without what cannot matter for this client, with the delimiters
 * of macros in an order that it can read, and with an end at the eleventh term that asks the DNS. (The library counts what
 * it asks, and not the terms whose names cannot be asked for.)
 *
 * For one check.
 */
export function withoutBallast(resolver: LibraryResolver, clientAddress: string): LibraryResolver {
  const client = familyOf(clientAddress);
  let macros = 0;
  return async (name, type) => {
    const answer = await resolver(name, type);
    if (type !== "TXT") return answer;
    // Other texts, explanations among them (RFC 7208 §6.2), are nothing that we use.
    return answer.flatMap((strings) => {
      const text = [strings].flat().join("");
      if (!/^v=spf1(?: |$)/i.test(text)) return [];
      const light = lightened(text, client);
      macros += light.match(MACRO)?.length ?? 0;
      return [[macros > MAX_MACROS ? TOO_MANY_MACROS : light]];
    });
  };
}

interface Client {
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
}

/** RFC 7208 §5: an IPv4-mapped address is an IPv4 address. */
function familyOf(address: string): Client {
  const mapped = /^::ffff:(?=[0-9.]+$)/i.test(address) ? address.slice("::ffff:".length) : address;
  return { address: mapped, family: mapped.includes(":") ? "ipv6" : "ipv4" };
}

function lightened(record: string, client: Client): string {
  const [version = "", ...terms] = record.split(" ");
  const meaningful = terms.filter((term) => term !== "" && !IDLE_MODIFIER.test(term));
  const kept = withLimit(withoutOtherNetworks(meaningful, client));
  const text = [version, ...kept].join(" ");
  return text.length > MAX_TERMS_OCTETS ? TOO_LONG : text.replace(DELIMITERS, inOrder);
}

/** What stands behind the limit is looked at for faults, and not evaluated. `redirect=` comes last, wherever it stands. */
function withLimit(terms: readonly string[]): readonly string[] {
  let lookups = 0;
  const at = terms.findIndex((term) => LOOKUP.test(term) && ++lookups > MAX_LOOKUPS);
  if (at >= 0) return terms.toSpliced(at, 0, LIMIT);
  return lookups === MAX_LOOKUPS && terms.some((term) => /^redirect=/i.test(term)) ? [...terms, LIMIT] : terms;
}

const LOOKUP = /^[+\-?~]?(?:include:|exists:|(?:a|mx)(?=[:/]|$)|ptr(?=:|$))/i;
const MACRO = /%\{/g;

/** A modifier that means nothing to anybody (RFC 7208 §6), and has no macro that could be wrong. */
const IDLE_MODIFIER = /^(?!exp=|redirect=)[a-z][a-z0-9\-_.]*=[!-$&-~]*$/i;

/** Of the terms that are right and compare addresses, only the first that the client matches. */
function withoutOtherNetworks(terms: readonly string[], client: Client): readonly string[] {
  let isOpen = true;
  return terms.filter((term) => {
    const network = networkOf(term);
    if (network === undefined) return true;
    const isFirst = isOpen && isIn(network, client);
    if (isFirst) isOpen = false;
    return isFirst;
  });
}

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: Client["family"];
}

/** An address of the other family matches nothing (RFC 7208 §5.6). */
function isIn({ address, prefix, family }: Network, client: Client): boolean {
  if (family !== client.family) return false;
  if (family === "ipv4")
    return numberOf(address) >>> (32 - prefix) === numberOf(client.address) >>> (32 - prefix) || prefix === 0;
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list.check(client.address, family);
}

const numberOf = (address: string): number =>
  address.split(".").reduce((number, octet) => ((number << 8) | Number(octet)) >>> 0, 0);

const NETWORK = /^[+\-?~]?ip([46]):([0-9a-f:.]{2,45})(?:\/(0|[1-9][0-9]{0,2}))?$/i;

/** @returns undefined: it is another term, or not right. */
function networkOf(term: string): Network | undefined {
  const [, version, address = "", prefix] = NETWORK.exec(term) ?? [];
  if (version === undefined) return undefined;
  const isFour = version === "4";
  const bits = isFour ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (!(isFour ? isIPv4(address) : isIPv6(address)) || length > bits) return undefined;
  return { address, prefix: length, family: isFour ? "ipv4" : "ipv6" };
}

/** The delimiters of a macro (RFC 7208 §7.1). In the library's expression a `-` between two others makes a range of them. */
const DELIMITERS = /(%\{[a-z][0-9]*r?)([.\-+,/_=]{2,})\}/gi;
const inOrder = (_: string, macro: string, delimiters: string): string =>
  `${macro}${delimiters.includes("-") ? "-" : ""}${delimiters.replaceAll("-", "")}}`;
