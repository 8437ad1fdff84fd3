import { isIPv4 } from "node:net";
import { ExpansionFailure } from "../../expansion/failures.ts";

/** One item of `dnslists`, read: `domain=address,…`, `first,second&mask`, `domain!=address/key`. */
export interface DnslistItem {
  /** Looked up first. */
  readonly domain: string;
  /** Where text and value are taken from, once `domain` has matched. */
  readonly textDomain: string;
  /** Undefined: every record counts. */
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

/** @throws {ExpansionFailure} it cannot be read. */
export function readDnslistItem(text: string): DnslistItem {
  const slash = text.indexOf("/");
  const keys = slash === -1 ? undefined : text.slice(slash + 1);
  const [, domains = "", not, sign, list = ""] =
    /^([^=&!]*)(!?)(?:(==|=&|=|&)([\s\S]*))?$/.exec(slash === -1 ? text : text.slice(0, slash)) ?? [];
  if (domains.trim() === "" || (not === "!" && sign === undefined)) {
    throw new ExpansionFailure(`malformed item in "dnslists": "${text.slice(0, 200)}"`);
  }
  const [textDomain = "", domain = textDomain] = domains.split(",").map((one) => one.trim().replace(/\.$/, ""));
  return { domain, textDomain, wanted: sign === undefined ? undefined : readWanted(list, sign, not === "!"), keys };
}

function readWanted(list: string, sign: string, isNegated: boolean): WantedAddresses {
  const isMask = sign.endsWith("&");
  const addresses = list.split(",").map((one) => one.trim());
  const wrong = addresses.find((address) => !isIPv4(address));
  if (wrong !== undefined) throw new ExpansionFailure(`bad IP address "${wrong}" in "dnslists"`);
  return { addresses, isMask, needsAll: sign === "==" || sign === "=&", isNegated };
}

/** Whether the records are those that the item wants. */
export function areWanted(records: readonly string[], wanted: WantedAddresses | undefined): boolean {
  if (wanted === undefined) return true;
  const { addresses, isMask, needsAll, isNegated } = wanted;
  const isOne = (record: string): boolean =>
    addresses.some((address) => (isMask ? (bits(record) & bits(address)) === bits(address) : record === address));
  return (needsAll ? records.every(isOne) : records.some(isOne)) !== isNegated;
}

const bits = (address: string): number => address.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
