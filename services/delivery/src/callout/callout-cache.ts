import { createHash } from "node:crypto";
import type { KeyValue } from "@postbus/bus";
import { CalloutAnswer, type CalloutRequest } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import type { CalloutEnd } from "@postbus/smtp";
import { Compile } from "typebox/compile";

const answers = Compile(CalloutAnswer);

/** What has been found out before, by all replicas (Exim's manual, "Callout caching"). A store that does not answer knows nothing. */
export class CalloutCache {
  readonly #store: KeyValue;

  constructor(store: KeyValue) {
    this.#store = store;
  }

  /** @returns undefined: it has to be asked. */
  async find(request: CalloutRequest): Promise<CalloutAnswer | undefined> {
    if (request.keeps === undefined) return undefined;
    const wantsPostmaster = request.postmaster !== "no";
    const wantsRandom = request.randomLocalPart !== undefined;
    const [refusal, address, random, postmaster] = await Promise.all([
      this.#get(keys.refusal(request)),
      this.#get(keys.address(request)),
      wantsRandom ? this.#get(keys.random(request)) : undefined,
      wantsPostmaster ? this.#get(keys.postmaster(request)) : undefined,
    ]);
    if (refusal !== undefined) return refusal;
    if (random?.result === "good") return random;
    if (address === undefined || address.result === "bad" || !wantsPostmaster) return address;
    return postmaster;
  }

  /** What a host has said. What it could not say is not kept. */
  async keep(request: CalloutRequest, answer: CalloutAnswer, { random, failure }: CalloutEnd): Promise<void> {
    const { keeps, postmaster } = request;
    if (keeps === undefined || answer.result === "unknown") return;
    const isGood = answer.result === "good";
    const puts: Promise<unknown>[] = [];
    const put = (key: string, value: CalloutAnswer, ttlMs: number): void => {
      if (ttlMs > 0) puts.push(this.#store.put(key, value, { ttlMs }));
    };
    if (random === "accepted") put(keys.random(request), GOOD, keeps.goodDomain);
    if (failure === "mail") put(keys.refusal(request), answer, keeps.badDomain);
    else if (failure === "recipient") put(keys.address(request), answer, keeps.badAddress);
    else if (random !== "accepted") {
      put(keys.address(request), GOOD, keeps.goodAddress);
      if (postmaster !== "no") put(keys.postmaster(request), answer, isGood ? keeps.goodDomain : keeps.badDomain);
    }
    await Promise.allSettled(puts);
  }

  async #get(key: string): Promise<CalloutAnswer | undefined> {
    try {
      const value = (await this.#store.get(key))?.value;
      return answers.Check(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }
}

const GOOD: CalloutAnswer = { v: 1, result: "good" };

/** Addresses are hashed: nothing of them is to be read in a store, and keys have few letters. */
const hashed = (kind: string, ...parts: readonly string[]): string =>
  `${kind}/${createHash("sha256").update(parts.join("\0"), "latin1").digest("hex").slice(0, 40)}`;

const keys = {
  refusal: ({ address, mailFrom }: CalloutRequest) => hashed("refusal", domainOf(address), mailFrom),
  random: ({ address, mailFrom }: CalloutRequest) => hashed("random", domainOf(address), mailFrom),
  address: ({ address, mailFrom }: CalloutRequest) => hashed("address", address, mailFrom),
  postmaster: ({ address, postmaster, postmasterMailFrom }: CalloutRequest) =>
    hashed("postmaster", domainOf(address), postmaster, postmasterMailFrom),
};
