import { isIPv4 } from "node:net";
import { then } from "../expansion/code.ts";
import type { Evaluation } from "../expansion/evaluation.ts";
import { groupsOf } from "../expansion/ip-address.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { mask } from "../expansion/operators/ip.ts";
import { addressesOf, namesOf } from "./host-names.ts";
import { clientAddress, networkTest, sameAddress } from "./ip-network.ts";
import { type ItemOptions, type ItemTest, type Subject, UnknownHost } from "./item.ts";
import { lookUp, readLookupItem } from "./lookup-item.ts";
import type { Matched } from "./matched.ts";
import { regexItem, suffixItem } from "./pattern-items.ts";

/** An item of a host list, without the kinds that all lists have. The data of all but lookups is empty. */
export function hostItem(item: string, options: ItemOptions): ItemTest {
  if (item === "*") return () => ANY;
  if (item === "") return (_evaluation, { text }) => (text === "" ? ANY : undefined);
  return withAddress(ofHost(item, options));
}

const ANY: Matched = { data: undefined };

/** What came by no network is in no list of hosts but by `*` and the empty item. */
function withAddress(test: ItemTest): ItemTest {
  return (evaluation, subject) => (subject.text === "" ? undefined : test(evaluation, subject));
}

function ofHost(item: string, options: ItemOptions): ItemTest {
  if (item === "@[]") return ownAddress;
  if (item === "@") return named((evaluation) => evaluation.around.settings.primaryHostname, options);
  const network = networkTest(item);
  if (network !== undefined) {
    return (_evaluation, { text }) => {
      const address = clientAddress(text);
      return address !== undefined && network(address) ? ANY : undefined;
    };
  }
  if (item.includes(";") && !item.startsWith("^")) return hostLookup(item, options);
  if (item.startsWith("^")) return byName(regexItem(item, options), options);
  if (item.startsWith("*")) return byName(suffixItem(item, options), options);
  if (!HOST_NAME.test(item)) return () => unknown(notAHost(item));
  return named(() => item, options);
}

/**
 * What is wrong with an item of a host list that is no pattern and no named list; undefined: nothing.
 *
 * @throws {ExpansionFailure} there is no such lookup type.
 */
export function hostProblem(item: string): string | undefined {
  if (item === "" || /^[*@]/.test(item)) return undefined;
  if (networkTest(item) !== undefined) {
    const [address = "", length = "0"] = item.split("/");
    const bits = isIPv4(address) ? 32 : 128;
    return Number(length) > bits ? `"${item}": the mask is longer than ${bits} bits` : undefined;
  }
  if (item.includes(";")) readLookupItem(item.replace(NET, ""));
  else if (!HOST_NAME.test(item)) return notAHost(item);
  return undefined;
}

const notAHost = (item: string): string => `"${item}" is no host name and no IP address`;

/** Letters, digits, dots, hyphens; anything else, like a half of an IP network, is never looked up. */
const HOST_NAME = /^(?=.*[A-Za-z])[A-Za-z0-9._-]+$/;

const ownAddress: ItemTest = ({ around }, { text }) =>
  around.settings.localAddresses.some((own) => sameAddress(own, text)) ? ANY : undefined;

/** @throws {UnknownHost} always. */
function unknown(problem: string): never {
  throw new UnknownHost(problem);
}

/** A host by its name: the addresses of that name are compared. */
function named(nameOf: (evaluation: Evaluation) => string, { usesNames }: ItemOptions): ItemTest {
  if (!usesNames) return () => unknown("cannot match host name in match_ip list");
  return async (evaluation, { text, hostName }) => {
    const name = nameOf(evaluation);
    // The host is known by this very name, and has been found by it: its addresses need not be looked for again.
    if (hostName !== undefined && lowerCase(hostName) === lowerCase(name)) return ANY;
    const addresses = await addressesOf(name, evaluation);
    if (addresses.length === 0) {
      evaluation.around.hostNotFound?.(name);
      unknown(`failed to find IP address for ${name}`);
    }
    return addresses.some((address) => sameAddress(address, text)) ? ANY : undefined;
  };
}

/** A pattern for the name of the client. */
function byName(test: ItemTest, { usesNames }: ItemOptions): ItemTest {
  if (!usesNames) return () => unknown("cannot match host name in match_ip list");
  return async (evaluation, subject) => {
    for (const name of await clientNames(subject, evaluation)) {
      const found = await test(evaluation, { value: name, text: name, lower: lowerCase(name) });
      if (found !== undefined) return ANY;
    }
    return undefined;
  };
}

/** @throws {UnknownHost} it has none. */
async function clientNames({ text, hostName, host }: Subject, evaluation: Evaluation): Promise<readonly string[]> {
  const known = host?.hostName ?? hostName;
  if (known !== undefined && known !== "") return [known, ...(host?.otherHostNames ?? [])];
  const none = `failed to find host name for ${text}`;
  if (host?.hostName === "") unknown(none);
  const found = await namesOf(text, evaluation, () => evaluation.around.nameNotFound?.(text));
  host?.rememberNames(found);
  const { names } = found;
  return names.length === 0 ? unknown(none) : names;
}

const NET = /^net([0-9]{0,3})-(?=[a-z])/i;

/** `type;file` with the client's name as key, `net-type;file` and `net24-type;file` with its address. */
function hostLookup(item: string, options: ItemOptions): ItemTest {
  const [prefix, length] = NET.exec(item) ?? [];
  const read = readLookupItem(prefix === undefined ? item : item.slice(prefix.length));
  const { style, name } = read.spec.type;
  if (style === "query") return (evaluation, { value }) => lookUp(read, value, evaluation, options);
  if (prefix !== undefined || !options.usesNames) {
    return (evaluation, { text }) =>
      then(lookUp(read, addressKey(text, length ?? "", name === "iplsearch"), evaluation, options), withoutCaptures);
  }
  return async (evaluation, subject) => {
    for (const hostName of await clientNames(subject, evaluation)) {
      const found = await lookUp(read, hostName, evaluation, options);
      if (found !== undefined) return withoutCaptures(found);
    }
    return undefined;
  };
}

const withoutCaptures = (found: Matched | undefined): Matched | undefined =>
  found === undefined ? undefined : { data: found.data };

/** IPv6 is written in full, with dots, since a colon ends the key of an lsearch file. */
function addressKey(text: string, length: string, hasColons: boolean): string {
  const [, plain = text] = /^::ffff:([0-9.]+)$/i.exec(text) ?? [];
  const isV4 = isIPv4(plain);
  if (length !== "") {
    const masked = mask.apply(`${plain}/${Math.min(Number(length), isV4 ? 32 : 128)}`, undefined);
    return hasColons ? masked.replaceAll(".", isV4 ? "." : ":") : masked;
  }
  if (isV4) return plain;
  const groups = groupsOf(plain).map((group) => group.toString(16).padStart(4, "0"));
  return groups.join(hasColons ? ":" : ".");
}
