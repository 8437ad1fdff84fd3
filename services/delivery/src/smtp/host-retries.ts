import { isIPv6 } from "node:net";
import type { DeliveryItem, Suspension } from "@postbus/contracts";
import type { Policy, SmtpTransport } from "@postbus/policy";
import {
  type AddressRetries,
  type AttemptResult,
  failedAgain,
  type HostsStand,
  isHurried,
  isPastLastCutoff,
  type QueueRules,
  type RetryRecords,
  retryKeys,
  type Suspensions,
} from "@postbus/queue";
import { errnos, type TransactionResult } from "@postbus/smtp";
import type { ReturnedHosts } from "../returned-hosts.ts";
import { type Suspended, suspendedText } from "../suspended.ts";
import type { HostRates } from "./host-rates.ts";
import type { HostRests } from "./host-rests.ts";
import type { NextHop } from "./next-hop.ts";
import type { OpenFailure } from "./open-failure.ts";

export interface HostRetriesDeps {
  readonly records: RetryRecords;
  /** Of messages that a host has put off. */
  readonly messages: Pick<AddressRetries, "read" | "readAll" | "failed">;
  readonly returned: ReturnedHosts;
  readonly rests: HostRests;
  readonly rates: HostRates;
  readonly suspensions: Suspensions;
  readonly suspended: Suspended;
  readonly retryRule: Policy["retryRule"];
  readonly rules: () => QueueRules;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

/** A host that is busy, or was found dead a moment ago, is asked again after so long. */
const BUSY_MS = 30_000;

interface Stand {
  readonly nextTryAtMs: number;
  readonly gapMs: number;
  readonly hasTimedOut: boolean;
}

/**
 * The hosts of one delivery and what is remembered of them (Exim's manual, "Retry configuration"): which may be tried now,
 * and what the attempt has added. Where nothing has failed, this is one look into a table for each host.
 */
export class HostRetries {
  readonly #item: DeliveryItem;
  readonly #transport: SmtpTransport;
  readonly #deps: HostRetriesDeps;
  readonly #stands = new Map<string, Stand>();
  #skippedCount = 0;
  /** When those were tried last that were skipped and have been failing for too long. */
  readonly #expired = new Map<string, number>();
  /** Why a host was skipped: an operator wants it so. */
  #suspension: Suspension | undefined;
  /** What `max_rate` has given to the host that is tried now. */
  #place: ReturnType<HostRates["take"]> | undefined;
  /** Name of a record of this message at one of the hosts. */
  #messageKey: string | undefined;

  constructor(item: DeliveryItem, transport: SmtpTransport, deps: HostRetriesDeps) {
    this.#item = item;
    this.#transport = transport;
    this.#deps = deps;
  }

  /** Undefined: nothing is known of any of them. */
  get stand(): HostsStand | undefined {
    if (this.#stands.size === 0) return undefined;
    const stands = [...this.#stands.values()];
    const first = stands.reduce((a, b) => (b.nextTryAtMs < a.nextTryAtMs ? b : a));
    const { nextTryAtMs, gapMs } = first;
    const areAllSkipped = this.#skippedCount === stands.length;
    const haveTimedOut = this.#skippedCount === 0 && stands.every(({ hasTimedOut }) => hasTimedOut);
    // The empty name stands for hosts that were left out for other reasons.
    const names = [...this.#stands.keys()].filter((name) => name !== "").slice(0, MAX_NAMES);
    return { nextTryAtMs, gapMs, areAllSkipped, haveTimedOut, ...(names.length === 0 ? {} : { names }) };
  }

  /**
   * What is to be said of hosts that were all skipped, if it is more than that their time has not come.
   *
   * @param count So many there are.
   */
  whySkipped(domain: string, count: number): AttemptResult | undefined {
    if (this.#suspension !== undefined) {
      const { target: suspended } = this.#suspension;
      return { outcome: "deferred", errno: errnos.retryTime, text: suspendedText(this.#suspension), suspended };
    }
    if (this.#expired.size !== count) return undefined;
    const why = this.#transport.delaysAfterCutoff
      ? "(and retry time not reached)"
      : "and were last tried after this message arrived";
    return { outcome: "failed", text: `all hosts for ${domain} have been failing for a long time ${why}` };
  }

  /** This message has been put off by one of several hosts: under which name that is remembered. */
  get messageKey(): string | undefined {
    return this.#messageKey;
  }

  /** Whether its time has come. A promise only for a host that this process has not heard of yet. */
  mayTry(hop: NextHop): boolean | Promise<boolean> {
    const suspension = this.#deps.suspensions.of(hop.name, hop.address);
    if (suspension !== undefined) return this.#suspended(hop, suspension);
    const mayTry = this.#hasTimeCome(hop);
    if (this.#transport.maxRate === undefined) return mayTry;
    // A place is taken last: what waits for something else takes none.
    if (mayTry instanceof Promise) return mayTry.then((may) => may && this.#isWithinRate(hop));
    return mayTry && this.#isWithinRate(hop);
  }

  #hasTimeCome(hop: NextHop): boolean | Promise<boolean> {
    const key = this.#key(hop);
    const record = this.#deps.records.read(key);
    const restsUntilMs = this.#deps.rests.until(key, this.#deps.now());
    if (restsUntilMs !== undefined && this.#item.isForced !== true) {
      this.#skip(key, { lastTriedAtMs: this.#deps.now(), nextTryAtMs: restsUntilMs });
      return false;
    }
    if (record === undefined) {
      this.#deps.returned.isUp(key);
      return this.#wasPutOff ? this.#mayTryMessage(hop) : true;
    }
    return this.#mayTryAgain(hop);
  }

  /** These may be asked about next: the store is asked now, beside whatever it is asked already. */
  lookAhead(hops: readonly NextHop[]): void {
    const { records, messages } = this.#deps;
    const keys = hops.map((hop) => this.#key(hop));
    void records.readAll(keys);
    if (!this.#wasPutOff) return;
    void messages.readAll(keys.map((key) => retryKeys.messageAtHost(key, this.#item.messageId)));
  }

  /** One of the hosts has put the message off before. */
  get #wasPutOff(): boolean {
    const { attempt, messageId, recipients } = this.#item;
    if (attempt === 1 || isHurried(this.#item)) return false;
    return recipients.some(({ retryKey }) => retryKey?.endsWith(`:${messageId}`) === true);
  }

  /** Others may go to the host, this message not yet. */
  async #mayTryMessage(hop: NextHop): Promise<boolean> {
    const key = this.#key(hop);
    const messageKey = retryKeys.messageAtHost(key, this.#item.messageId);
    const record = await this.#deps.messages.read(messageKey);
    const nowMs = this.#deps.now();
    if (record === undefined || nowMs >= record.nextTryAtMs) return true;
    const steps = await this.#deps.retryRule({ ...this.#failure(hop), errno: record.errno });
    if (isPastLastCutoff(steps, nowMs - this.#item.receivedAtMs)) return true;
    this.#messageKey = messageKey;
    this.#skippedCount++;
    this.#stands.set(key, standOf(record, false));
    return false;
  }

  /** The host has put off the message, and others can be tried: so each of them has its own time for it. */
  async putOff(hop: NextHop, trouble: Pick<OpenFailure, "errno" | "text">, startedAtMs: number): Promise<void> {
    const key = this.#key(hop);
    const messageKey = retryKeys.messageAtHost(key, this.#item.messageId);
    const { retryRule, messages, random } = this.#deps;
    const steps = await retryRule({ ...this.#failure(hop), errno: trouble.errno });
    const nowMs = this.#deps.now();
    const when = { receivedAtMs: this.#item.receivedAtMs, isHost: true, startedAtMs, nowMs, random };
    const { nextTryAtMs, hasTimedOut } = await messages.failed(messageKey, { result: trouble, ...when }, steps);
    this.#messageKey = messageKey;
    this.#stands.set(key, standOf({ lastTriedAtMs: nowMs, nextTryAtMs }, hasTimedOut));
  }

  /** `max_rate`. What waits for it is looked at again when there is room, and the more rarely the more it is. */
  #isWithinRate(hop: NextHop): boolean {
    const { rates, returned, now } = this.#deps;
    const { maxRate } = this.#transport;
    this.#place = undefined;
    if (maxRate === undefined || this.#item.isForced === true) return true;
    const nowMs = now();
    const key = this.#key(hop);
    const place = rates.take(this.#rateName(key), maxRate, nowMs);
    if (place.isTaken) {
      this.#place = place;
      return true;
    }
    // Not under the host's name: that it is up must not release what waits for this.
    const spreadMs = returned.skipped(`rate ${key}`, this.#item.domain, nowMs - (nowMs % maxRate.periodMs));
    this.#skippedCount++;
    this.#stands.set(key, { nextTryAtMs: place.nextAtMs, gapMs: 2 * spreadMs, hasTimedOut: false });
    return false;
  }

  #rateName(key: string): string {
    return `${this.#transport.name} ${key}`;
  }

  #suspended(hop: NextHop, suspension: Suspension): false {
    const { nextTryAtMs, gapMs } = this.#deps.suspended.stand(suspension, this.#item.domain);
    this.#suspension = suspension;
    this.#skippedCount++;
    this.#stands.set(this.#key(hop), { nextTryAtMs, gapMs, hasTimedOut: false });
    return false;
  }

  async #mayTryAgain(hop: NextHop): Promise<boolean> {
    const key = this.#key(hop);
    const record = await this.#deps.records.read(key);
    const nowMs = this.#deps.now();
    if (record === undefined || nowMs >= record.nextTryAtMs || isHurried(this.#item)) {
      return this.#wasPutOff ? this.#mayTryMessage(hop) : true;
    }
    if (!record.isExpired) {
      const steps = await this.#deps.retryRule({ ...this.#failure(hop), errno: record.errno });
      if (isPastLastCutoff(steps, nowMs - this.#item.receivedAtMs)) return true;
    }
    if (record.isExpired) this.#expired.set(key, record.lastTriedAtMs);
    this.#skip(key, record);
    return false;
  }

  /** `no_delay_after_cutoff`: a host that is not tried because it has failed for too long, and was not tried since the message came. */
  mayTryAfterCutoff(hop: NextHop): boolean {
    const key = this.#key(hop);
    const lastTriedAtMs = this.#expired.get(key);
    if (this.#transport.delaysAfterCutoff || lastTriedAtMs === undefined) return false;
    if (lastTriedAtMs > this.#item.receivedAtMs) return false;
    this.#expired.delete(key);
    this.#stands.delete(key);
    this.#skippedCount--;
    return this.#isWithinRate(hop);
  }

  /** It was not tried: this process has just seen it fail, or all its connections are taken. */
  async skipped(hop: NextHop): Promise<void> {
    const key = this.#key(hop);
    if (this.#place !== undefined) this.#deps.rates.giveBack(this.#rateName(key), this.#place);
    const record = await this.#deps.records.read(key);
    const nowMs = this.#deps.now();
    const isKnown = record !== undefined && record.nextTryAtMs > nowMs;
    this.#skip(key, isKnown ? record : { lastTriedAtMs: nowMs, nextTryAtMs: nowMs + BUSY_MS });
  }

  /** @param startedAtMs What began before somebody else's failure was known is the same failure. */
  async failed(
    hop: NextHop,
    { errno, text, isConnect = false }: Pick<OpenFailure, "errno" | "text"> & { readonly isConnect?: boolean },
    startedAtMs: number,
  ): Promise<void> {
    const { records, retryRule, rules, random } = this.#deps;
    const key = this.#key(hop);
    const steps = await retryRule({ ...this.#failure(hop), errno, isConnect });
    const before = await records.read(key);
    const { receivedAtMs } = this.#item;
    const nowMs = this.#deps.now();
    const failure = { errno, text, nowMs, receivedAtMs, isHost: true };
    const { record, hasTimedOut } = failedAgain(before, failure, steps, rules(), random);
    const isSame = before !== undefined && before.lastTriedAtMs >= startedAtMs;
    if (record !== undefined && !isSame) records.write(key, record);
    const counted = isSame ? before : (record ?? { lastTriedAtMs: nowMs, nextTryAtMs: nowMs });
    this.#stands.set(key, standOf(counted, hasTimedOut));
  }

  /** It has answered, whatever it said. */
  answered(hop: NextHop, { trouble, recipients }: TransactionResult): void {
    const key = this.#key(hop);
    if (trouble === undefined) this.#deps.rests.took(key);
    else if (trouble.kind === "message" && recipients.some(({ outcome }) => outcome === "deferred")) {
      this.#deps.rests.putOff(key, trouble.text, this.#deps.now());
    }
    this.#deps.records.forget(key);
    this.#deps.returned.isUp(key);
    this.#stands.delete(key);
  }

  /** @param count Hosts that this attempt has left out for other reasons. */
  leftOut(count: number): void {
    if (count === 0 || this.#stands.size === 0) return;
    const nowMs = this.#deps.now();
    this.#skip("", { lastTriedAtMs: nowMs, nextTryAtMs: this.stand?.nextTryAtMs ?? nowMs });
  }

  #skip(key: string, record: { readonly lastTriedAtMs: number; readonly nextTryAtMs: number }): void {
    if (this.#stands.has(key)) return;
    this.#skippedCount++;
    const stand = standOf(record, false);
    const spreadMs = this.#deps.returned.skipped(key, this.#item.domain, record.lastTriedAtMs);
    this.#stands.set(key, { ...stand, gapMs: Math.max(stand.gapMs, 2 * spreadMs) });
  }

  #failure({ name }: NextHop) {
    const { recipients, returnPath, areMx = false } = this.#item;
    return { address: recipients[0]?.address ?? "", returnPath, host: name, isMx: areMx };
  }

  /** As Exim names the record: `T:name:address`, and the port where it is not 25. */
  #key({ name, address, port }: NextHop): string {
    const host = isIPv6(name) ? `[${name}]` : name;
    const place = this.#transport.retriesByAddress ? `:${address}` : "";
    return port === 25 ? `T:${host}${place}` : `T:${host}${place}:${port}`;
  }
}

/** As many hosts as one attempt tries: each recipient takes their names along. */
const MAX_NAMES = 5;

const standOf = (
  { lastTriedAtMs, nextTryAtMs }: { readonly lastTriedAtMs: number; readonly nextTryAtMs: number },
  hasTimedOut: boolean,
): Stand => ({ nextTryAtMs, gapMs: Math.max(0, nextTryAtMs - lastTriedAtMs), hasTimedOut });
