import { setImmediate as turn } from "node:timers/promises";
import type { ArcFact } from "@postbus/contracts";
import type { BodyHashes } from "../canonical/body-hashes.ts";
import type { SignedHeader } from "../canonical/signed-header.ts";
import { cleanText } from "../clean-text.ts";
import type { KeyRecords } from "../dkim/key-records.ts";
import type { Field } from "../header-section.ts";
import { type ArcChain, type ArcSet, readArcChain, stateOf } from "./arc-chain.ts";
import { verifyArcSeal } from "./arc-seal.ts";
import { type MessageSignature, readMessageSignature, verifyMessageSignature } from "./message-signature.ts";

/** What is said of a message that nobody has sealed. */
export const NO_CHAIN: ArcFact = { result: "none", instance: 0, oldestPass: 0, hops: [] };

/** The chain of a message, as far as it can be told before its body has been read. */
export class ArcCheck {
  readonly #chain: ArcChain;
  readonly #header: SignedHeader;
  readonly #signatures = new Map<number, MessageSignature>();
  readonly #hashes: BodyHashes;
  /** Why the chain cannot hold, whatever is in the body. */
  readonly #broken: string | undefined;

  /** @param hashes Gets to know what is wanted of the body. */
  constructor(header: SignedHeader, fields: readonly Field[], hashes: BodyHashes) {
    this.#header = header;
    this.#hashes = hashes;
    this.#chain = readArcChain(fields, (field) => header.text(field));
    this.#broken = this.#chain.kind === "broken" ? this.#chain.reason : brokenAt(this.#chain.sets);
    if (this.#broken !== undefined || this.#chain.kind === "broken") return;
    for (const { instance, message } of this.#chain.sets.toReversed()) {
      const signature = message && readMessageSignature(message);
      if (signature === undefined || !signature.bodies.every((how) => hashes.want(how, signature.bodyLength))) break;
      this.#signatures.set(instance, signature);
    }
  }

  /** Behind the body. Between verifications others have their turn: there may be a hundred. */
  async result(keys: KeyRecords, nowMs: number): Promise<ArcFact> {
    const { sets } = this.#chain;
    const hops = hopsOf(sets);
    if (this.#broken !== undefined)
      return { result: "fail", reason: cleanText(this.#broken), instance: 0, oldestPass: 0, hops };
    const instance = sets.at(-1)?.instance;
    if (instance === undefined) return NO_CHAIN;
    const oldestPass = await this.#oldestPass(sets, keys, nowMs);
    if (typeof oldestPass === "string")
      return { result: "fail", reason: cleanText(oldestPass), instance, oldestPass: 0, hops };
    for (const { instance: at } of sets.toReversed()) {
      await turn();
      const reason = await verifyArcSeal(sets.slice(0, at), this.#header, keys);
      if (reason !== true) return { result: "fail", reason: cleanText(reason), instance, oldestPass, hops };
    }
    return { result: "pass", instance, oldestPass, hops };
  }

  /** The lowest instance up to which all signatures of the message hold; a reason, if the newest does not (RFC 8617 §5.2). */
  async #oldestPass(sets: readonly ArcSet[], keys: KeyRecords, nowMs: number): Promise<number | string> {
    let oldest: number | string = "required tag missing";
    for (const { instance } of sets.toReversed()) {
      const signature = this.#signatures.get(instance);
      if (signature === undefined) break;
      await turn();
      const verified = await verifyMessageSignature(
        signature,
        signature.bodies.map((how) => this.#hashes.digest(how, signature.bodyLength)?.hash ?? ""),
        this.#header,
        keys,
        nowMs,
      );
      if (verified !== true) return typeof oldest === "number" ? oldest : verified;
      oldest = instance;
    }
    return oldest;
  }
}

/** Whether the sets are a chain (RFC 8617 §5.2, steps 1 and 2), from the newest on, in Exim's words. */
function brokenAt(sets: readonly ArcSet[]): string | undefined {
  let expected = sets.at(-1)?.instance ?? 0;
  for (const { instance, results, message, seal } of sets.toReversed()) {
    if (instance !== expected) return `i=${instance} (sequence; expected ${expected})`;
    if (results === undefined || message === undefined || seal === undefined) return `i=${instance} (missing header)`;
    if (stateOf(seal) === "fail") return `i=${instance} (cv)`;
    expected--;
  }
  return expected === 0 ? undefined : `(sequence; expected i=${expected})`;
}

/** One for each instance up to the newest; of one that is not there, nothing. */
function hopsOf(sets: readonly ArcSet[]): ArcFact["hops"] {
  const hops: ArcFact["hops"] = [];
  for (const { instance, seal, results } of sets) {
    while (hops.length < instance - 1) hops.push({ domain: "", selector: "" });
    const address = REMOTE_IP.exec(results?.text ?? "")?.[1];
    hops.push({
      domain: cleanText(seal?.tags.get("d") ?? "", 253).toLowerCase(),
      selector: cleanText(seal?.tags.get("s") ?? "", 253),
      ...(address === undefined ? {} : { clientAddress: address }),
    });
  }
  return hops;
}

const REMOTE_IP = /\bsmtp\.remote-ip=([0-9a-fA-F.:]{2,45})/;
