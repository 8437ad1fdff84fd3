import { isIP } from "node:net";
import { type Resolver, recordsOf } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { reverseIp } from "../../expansion/operators/ip.ts";
import { Tainted, textOf } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import { expandedTest } from "../test.ts";
import { areWanted, type DnslistItem, readDnslistItem } from "./dnslist-item.ts";

/** Questions that one condition may put to the DNS: keys can come out of a message. */
const MAX_QUESTIONS = 200;

/** `dnslists = list`: client, or something else, is in a list that is published in the DNS (RFC 5782). */
export const dnslists = expandedTest(async (list, run) => {
  const lookup = new DnslistLookup(run);
  let onDefer: "no" | "yes" | "defer" = "no";
  for (const item of splitList(textOf(list), typeof list === "string").items) {
    const word = WORDS.get(item.toLowerCase());
    if (word !== undefined) {
      onDefer = word;
      continue;
    }
    const read = readDnslistItem(item);
    if (read === undefined) run.session.warnOnce(`malformed item in "dnslists": "${item.slice(0, 200)}"`);
    else if ((await lookup.item(read, onDefer)) === "yes") return "yes";
  }
  return "no";
});

/** What an item is that the DNS does not tell. */
const WORDS: ReadonlyMap<string, "no" | "yes" | "defer"> = new Map([
  ["+exclude_unknown", "no"],
  ["+include_unknown", "yes"],
  ["+defer_unknown", "defer"],
]);

const ASSUMED = { no: "assumed not in list", yes: "assumed in list", defer: "returned DEFER" } as const;

const nameOf = (key: string): string => (isIP(key) === 0 ? key : textOf(reverseIp.apply(key, undefined)));

class DnslistLookup {
  readonly #run: AclRun;
  #questions = 0;

  constructor(run: AclRun) {
    this.#run = run;
  }

  async item(item: DnslistItem, onDefer: "no" | "yes" | "defer"): Promise<Said> {
    for (const key of this.#keysOf(item)) {
      try {
        if (await this.#isListed(item, key)) return "yes";
      } catch (error) {
        if (!(error instanceof DeferError)) throw error;
        this.#noteDefer(`${nameOf(key)}.${item.domain}`, onDefer);
        if (onDefer === "defer") throw error;
        if (onDefer === "yes") this.#found(item.textDomain, key, [], "");
        this.#run.note = error.message;
        if (onDefer === "yes") return "yes";
      }
    }
    return "no";
  }

  #keysOf({ keys }: DnslistItem): Iterable<string> {
    if (keys !== undefined) return splitList(keys).items;
    const { address } = this.#run.session.connection.client;
    return address === "" ? [] : [address];
  }

  async #isListed({ domain, textDomain, wanted }: DnslistItem, key: string): Promise<boolean> {
    const name = nameOf(key);
    const addresses = await this.#addresses(`${name}.${domain}`);
    if (addresses.length === 0 || !areWanted(addresses, wanted)) return false;
    const values = textDomain === domain ? addresses : await this.#addresses(`${name}.${textDomain}`);
    if (values.length === 0) return false;
    const text = await this.#text(`${name}.${textDomain}`);
    this.#found(textDomain, key, values, text);
    return true;
  }

  /** `dnslist_defer` */
  #noteDefer(name: string, onDefer: keyof typeof ASSUMED): void {
    const text = `DNS list lookup defer (probably timeout) for ${name}: ${ASSUMED[onDefer]}`;
    this.#run.session.log(["main"], text, { selector: "dnslist_defer" });
  }

  #found(domain: string, key: string, values: readonly string[], text: string): void {
    const { found } = this.#run.session.connection;
    found.set("dnslist_domain", domain);
    found.set("dnslist_matched", new Tainted(key));
    found.set("dnslist_value", values.join(", "));
    found.set("dnslist_text", text === "" ? "" : new Tainted(text));
    this.#run.note = `${domain}: ${values.join(", ")}`;
  }

  async #addresses(name: string): Promise<readonly string[]> {
    return recordsOf(await this.#resolver().resolve(name, "A", this.#options));
  }

  /** Of a record, the first string, as in Exim. The list has spoken: a text that does not come is no reason to doubt. */
  async #text(name: string): Promise<string> {
    try {
      const [first] = recordsOf(await this.#resolver().resolve(name, "TXT", this.#options));
      return first?.[0] ?? "";
    } catch (error) {
      if (error instanceof DeferError) return "";
      throw error;
    }
  }

  get #options() {
    const { signal } = this.#run.evaluation.around;
    return signal === undefined ? {} : { signal };
  }

  #resolver(): Resolver {
    this.#questions += 1;
    if (this.#questions > MAX_QUESTIONS) throw new ExpansionFailure('too many questions for one "dnslists"');
    const { resolver } = this.#run.evaluation.around;
    if (resolver === undefined) throw new ExpansionDefer("dnslists: no DNS here");
    return resolver;
  }
}
