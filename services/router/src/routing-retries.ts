import type { Recipient, RouteItem } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import type { Policy } from "@postbus/policy";
import {
  type AddressRetries,
  type Attempted,
  drawnOnce,
  type HostsStand,
  isHurried,
  isUltimate,
  type QueueRules,
  type RetryRecord,
  type RetryStep,
  retryKeys,
  standOfRecord,
} from "@postbus/queue";
import type { RoutingDeferral, RoutingOutcome } from "@postbus/routing";

/** Exim's number for an address whose time has not come. */
const NOT_YET = -52;

/** It is not routed now. */
export interface PutOff {
  readonly outcome: RoutingDeferral;
  readonly stand: HostsStand;
}

/** What is remembered of addresses and domains that could not be routed, for the recipients of one item. */
export class RoutingRetries {
  readonly #retries: AddressRetries;
  readonly #item: RouteItem;
  readonly #policy: Pick<Policy, "retryRule">;
  readonly #nowMs: number;
  readonly #random: () => number;

  constructor(
    retries: AddressRetries,
    item: RouteItem,
    policy: Pick<Policy, "retryRule">,
    { nowMs, random }: { readonly nowMs: number; readonly random: () => number },
  ) {
    this.#retries = retries;
    this.#item = item;
    this.#policy = policy;
    this.#nowMs = nowMs;
    this.#random = drawnOnce(random);
  }

  /** Asks the store for what the next calls need, for all recipients at once. */
  async lookAhead(): Promise<void> {
    const { recipients } = this.#item;
    const waiting = recipients.filter((recipient) => this.#mayWait(recipient));
    await this.#retries.readAll(
      waiting.flatMap(({ address, retryKey }) => [
        retryKeys.routedDomain(address),
        ...(retryKey?.startsWith("R:") === true ? [retryKey] : []),
      ]),
    );
  }

  /** New mail, and what an operator wants, is always tried. */
  #mayWait({ origin }: Recipient): boolean {
    return this.#item.attempt > 1 && !isHurried(this.#item) && origin?.item === undefined;
  }

  /**
   * Whether a recipient that has failed before waits for the time of its address, or of its domain, because others have tried
   * it in the meantime.
   */
  async putOff(recipient: Recipient): Promise<PutOff | undefined> {
    if (!this.#mayWait(recipient)) return undefined;
    const { address, retryKey } = recipient;
    const domainName = retryKeys.routedDomain(address);
    const ofDomain = await this.#retries.read(domainName);
    if (ofDomain !== undefined && this.#forbids(ofDomain) && !ofDomain.isExpired) return notYet(address, ofDomain);
    if (retryKey === undefined || retryKey === domainName || !retryKey.startsWith("R:")) return undefined;
    const ofAddress = await this.#retries.read(retryKey);
    if (ofAddress === undefined || !this.#forbids(ofAddress)) return undefined;
    return ofDomain === undefined && (await this.#isUltimate(recipient, ofAddress))
      ? undefined
      : notYet(address, ofAddress);
  }

  /** What routing has found ends what was remembered. */
  routed({ address, retryKey }: Recipient, outcomes: readonly RoutingOutcome[]): void {
    if (outcomes.some(({ kind }) => kind === "defer")) return;
    if (!this.#retries.isEmpty) this.#retries.forget(retryKeys.routedDomain(address), false);
    // Where it goes to a transport, it is seen there whether it is taken.
    const isOver = outcomes.every(({ kind, address: other }) => kind !== "deliver" || other !== address);
    if (retryKey !== undefined && isOver) this.#retries.forget(retryKey, true);
  }

  /** The same for what has failed. */
  lookAheadOf(failing: Iterable<readonly [Recipient, RoutingDeferral["failing"]]>): Promise<void> {
    return this.#retries.readAll([...failing].flatMap(([{ address }, what]) => (what ? [keyOf(address, what)] : [])));
  }

  /** A deferral, with what is remembered of it from now on. @param steps Of the retry rule. */
  async failed(
    one: Attempted,
    failing: RoutingDeferral["failing"],
    steps: readonly RetryStep[],
    nowMs: number,
  ): Promise<Attempted> {
    const { recipient, result } = one;
    if (failing === undefined || result.outcome !== "deferred") return one;
    const { address } = recipient;
    const retryKey = keyOf(address, failing);
    const { receivedAtMs } = this.#item;
    const when = { receivedAtMs, isHost: false, startedAtMs: this.#nowMs, nowMs, random: this.#random };
    const remembered = await this.#retries.failed(retryKey, { result, ...when }, steps);
    if (recipient.retryKey !== undefined && recipient.retryKey !== retryKey) {
      this.#retries.forget(recipient.retryKey, true);
    }
    return { ...one, result: { ...result, retryKey, remembered } };
  }

  #forbids({ nextTryAtMs }: RetryRecord): boolean {
    return this.#nowMs < nextTryAtMs;
  }

  async #isUltimate({ address }: Recipient, { errno }: RetryRecord): Promise<boolean> {
    const { returnPath, receivedAtMs } = this.#item;
    const steps = await this.#policy.retryRule({ address, returnPath, errno });
    return isUltimate(steps, receivedAtMs, this.#nowMs);
  }
}

const keyOf = (address: string, failing: NonNullable<RoutingDeferral["failing"]>): string =>
  failing === "address" ? retryKeys.routedAddress(address) : retryKeys.routedDomain(address);

const notYet = (address: string, record: RetryRecord): PutOff => ({
  outcome: {
    ...{ kind: "defer", address, parents: [], router: undefined, errno: NOT_YET, text: "retry time not reached" },
    ...{ replyText: undefined, isTextForClient: false, isFrozen: false },
  },
  stand: standOfRecord(record),
});

/** `hold_domains`: looked at again after so long, and no retry rule ends it. */
const HELD_MS = 15 * 60_000;
const HELD = -23;

/** `queue_domains` */
const QUEUED = -56;

/** What is said of a domain that is held, or for which mail is only queued at first: nothing was tried. */
export function heldStand(
  { errno, address }: RoutingDeferral,
  nowMs: number,
  { queueRunIntervalMs }: Pick<QueueRules, "queueRunIntervalMs">,
): HostsStand | undefined {
  if ((errno !== HELD && errno !== QUEUED) || domainOf(address) === "") return undefined;
  const waitMs = errno === HELD ? HELD_MS : queueRunIntervalMs;
  return { nextTryAtMs: nowMs + waitMs, gapMs: 0, areAllSkipped: true, haveTimedOut: false };
}
