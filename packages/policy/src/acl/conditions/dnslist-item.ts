import { isIPv4 } from "node:net";
import { trim } from "@postbus/mail";

/** One item of `dnslists`, read: `domain=address,…`, `first,second&mask`, `domain!=address/key`. */
export interface DnslistItem {
  /** Looked up first. */
  readonly domain: string;
  /** Where text and value are taken from, once `domain` has matched. */
  readonly textDomain: string;
  /** Undefined: any address of 127.0.0.0/8 (RFC 5782 §2.1: others come from domains that have been given up). */
  readonly wanted: WantedAddresses | undefined;
  /** Text behind the slash: undefined: the client's address, reversed. */
  readonly keys: string | undefined;
}

interface WantedAddresses {
  readonly addresses: readonly string[];
  /** `&`: an address counts that has all these bits. */
  readonly isMask: boolean;
  /** `==`, `=&`: all records have to be such. */
  readonly needsAll: boolean;
  /** `!=`, `!&`. */
  readonly isNegated: boolean;
}

/** @returns undefined: it is no item. An address that is none makes one that no record is equal to, as in Exim. */
export function readDnslistItem(text: string): DnslistItem | undefined {
  const slash = text.indexOf("/");
  const keys = slash === -1 ? undefined : text.slice(slash + 1);
  const [, domains = "", not, sign, list = ""] =
    /^([^=&!]*)(!?)(?:(==|=&|=|&)([\s\S]*))?$/.exec(slash === -1 ? text : text.slice(0, slash)) ?? [];
  if (trim(domains) === "" || (not === "!" && sign === undefined)) return undefined;
  const [textDomain = "", domain = textDomain] = domains.split(",").map((one) => trim(one).replace(/\.$/, ""));
  return { domain, textDomain, wanted: sign === undefined ? undefined : readWanted(list, sign, not === "!"), keys };
}

function readWanted(list: string, sign: string, isNegated: boolean): WantedAddresses {
  const addresses = list
    .split(",")
    .map((one) => trim(one))
    .filter((address) => isIPv4(address));
  return { addresses, isMask: sign.endsWith("&"), needsAll: sign === "==" || sign === "=&", isNegated };
}

/** Whether the records are those that the item wants. */
export function areWanted(records: readonly string[], wanted: WantedAddresses | undefined): boolean {
  if (wanted === undefined) return records.some((record) => record.startsWith("127."));
  const { addresses, isMask, needsAll, isNegated } = wanted;
  const isOne = (record: string): boolean =>
    addresses.some((address) => (isMask ? (bits(record) & bits(address)) === bits(address) : record === address));
  return (needsAll ? records.every(isOne) : records.some(isOne)) !== isNegated;
}

const bits = (address: string): number => address.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
