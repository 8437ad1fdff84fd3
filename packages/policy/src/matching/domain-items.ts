import { isIP } from "node:net";
import { recordsOf } from "@postbus/dns";
import { trim } from "@postbus/mail";
import type { Evaluation } from "../expansion/evaluation.ts";
import { ExpansionFailure } from "../expansion/failures.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { addressesOf } from "./host-names.ts";
import { sameAddress } from "./ip-network.ts";
import type { ItemTest } from "./item.ts";

/** `@`: the primary host name. */
export const primaryHostname: ItemTest = ({ around }, { lower, value }) =>
  lower === lowerCase(around.settings.primaryHostname)
    ? { data: around.settings.primaryHostname, captures: [value] }
    : undefined;

/** `@[]`: a domain literal with an address of this host (RFC 5321 §4.1.3). */
export const localLiteral: ItemTest = ({ around }, { lower, value }) => {
  const [, address] = /^\[(?:ipv6:)?([^\]]*)\]$/.exec(lower) ?? [];
  if (address === undefined || isIP(address) === 0) return undefined;
  const isOurs = around.settings.localAddresses.some((own) => sameAddress(own, address));
  return isOurs ? { data: "@[]", captures: [value] } : undefined;
};

type MxWord = "any" | "primary" | "secondary";

const MX_ITEM = /^@mx_(any|primary|secondary)(?:\/ignore=([\s\S]*))?$/i;

/** `@mx_any` and its relatives: this host is among the mail exchangers of the subject. Undefined: another item. */
export function mxItem(item: string, isIgnored: (list: string) => ItemTest): ItemTest | undefined {
  const [, word, ignore] = MX_ITEM.exec(item) ?? [];
  if (word === undefined) return undefined;
  const kind = lowerCase(word);
  if (kind !== "any" && kind !== "primary" && kind !== "secondary") return undefined;
  const ignored = ignore === undefined || trim(ignore) === "" ? undefined : isIgnored(ignore);
  return async (evaluation, { lower, value }) =>
    (await isExchanger(lower, kind, evaluation, ignored)) ? { data: item, captures: [value] } : undefined;
}

async function isExchanger(
  domain: string,
  kind: MxWord,
  evaluation: Evaluation,
  ignored: ItemTest | undefined,
): Promise<boolean> {
  const { resolver, signal } = evaluation.around;
  if (resolver === undefined) throw new ExpansionFailure("@mx_… in a list: there is no DNS here");
  const answer = await resolver.resolve(domain, "MX", signal === undefined ? {} : { signal });
  const exchangers = recordsOf(answer).toSorted((a, b) => a.preference - b.preference);
  const [first] = exchangers;
  if (first === undefined) return false;
  const ours: boolean[] = [];
  for (const { exchange } of exchangers) ours.push(await isThisHost(exchange, evaluation, ignored));
  if (kind === "any") return ours.includes(true);
  const isPrimary = exchangers.some(({ preference }, i) => preference === first.preference && ours[i] === true);
  return kind === "primary" ? isPrimary : !isPrimary && ours.includes(true);
}

async function isThisHost(name: string, evaluation: Evaluation, ignored: ItemTest | undefined): Promise<boolean> {
  const { settings } = evaluation.around;
  if ([settings.primaryHostname, ...settings.localHostNames].some((own) => lowerCase(own) === name)) return true;
  for (const address of await addressesOf(name, evaluation)) {
    const subject = { value: address, text: address, lower: address };
    if (ignored !== undefined && (await ignored(evaluation, subject)) !== undefined) continue;
    if (settings.localAddresses.some((own) => sameAddress(own, address))) return true;
  }
  return false;
}
