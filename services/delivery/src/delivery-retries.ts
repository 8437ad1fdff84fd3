import type { DeliveryItem, Recipient } from "@postbus/contracts";
import type { CompiledTransport, Policy } from "@postbus/policy";
import {
  type AddressRetries,
  type Attempted,
  type AttemptResult,
  type DeferredAttempt,
  drawnOnce,
  isHurried,
  isUltimate,
  type RetryStep,
  retriedAddress,
  retryKeys,
  standOfRecord,
} from "@postbus/queue";

/** Exim's numbers: a local delivery whose time has not come, an error of the configuration. */
const NOT_YET = -53;
const CONFIGURATION_ERROR = -30;

/** What is remembered of the addresses of one item, by all messages that go to them. */
export class DeliveryRetries {
  readonly #retries: AddressRetries;
  readonly #item: DeliveryItem;
  readonly #transport: Pick<CompiledTransport, "driver" | "isRetriedByLocalPart">;
  readonly #startedAtMs: number;

  constructor(
    retries: AddressRetries,
    item: DeliveryItem,
    transport: Pick<CompiledTransport, "driver" | "isRetriedByLocalPart">,
    startedAtMs: number,
  ) {
    this.#retries = retries;
    this.#item = item;
    this.#transport = transport;
    this.#startedAtMs = startedAtMs;
  }

  /**
   * Recipients of a local transport that have failed before and wait for their time, because others have tried their address
   * in the meantime. (At hosts, the router has looked.)
   *
   * @returns for each recipient its deferral, if it is one of these; undefined: none is.
   */
  async putOff(retryRule: Policy["retryRule"]): Promise<readonly (AttemptResult | undefined)[] | undefined> {
    const { attempt, recipients } = this.#item;
    if (attempt === 1 || isHurried(this.#item) || this.#transport.driver === "smtp") return undefined;
    const keys = recipients.map((recipient) => this.#ownKey(recipient));
    await this.#retries.readAll(keys.filter((key) => key !== undefined));
    const found: (AttemptResult | undefined)[] = [];
    for (const recipient of recipients) found.push(await this.#notYet(recipient, retryRule));
    return found.some((result) => result !== undefined) ? found : undefined;
  }

  /** The results, with what is remembered from now on of those that are deferred. @param steps Of each address's retry rule. */
  async remembered(
    attempted: readonly Attempted[],
    steps: ReadonlyMap<string, readonly RetryStep[]>,
    nowMs: number,
    random: () => number,
  ): Promise<readonly Attempted[]> {
    const drawn = drawnOnce(random);
    const keys = attempted.map(({ recipient, result }) =>
      this.#isCounted(result) ? this.#keyOf(recipient, result) : undefined,
    );
    await this.#retries.readAll(keys.filter((key) => key !== undefined));
    const all: Attempted[] = [];
    for (const one of attempted) all.push(await this.#noted(one, steps.get(one.recipient.address) ?? [], nowMs, drawn));
    return all;
  }

  /** Where nobody has failed, there is nothing to be done. */
  isIdle(results: readonly AttemptResult[]): boolean {
    if (results.some(({ outcome }) => outcome === "deferred")) return false;
    return this.#retries.isEmpty && this.#item.recipients.every(({ retryKey }) => retryKey === undefined);
  }

  /** Under which its failure at this transport is remembered. */
  #ownKey(recipient: Recipient): string | undefined {
    const { retryKey } = recipient;
    return retryKey !== undefined && retryKey === this.#localKey(recipient) ? retryKey : undefined;
  }

  async #notYet(recipient: Recipient, retryRule: Policy["retryRule"]): Promise<AttemptResult | undefined> {
    const key = this.#ownKey(recipient);
    if (key === undefined) return undefined;
    const record = await this.#retries.read(key);
    if (record === undefined || this.#startedAtMs >= record.nextTryAtMs || record.isExpired) return undefined;
    const { returnPath, receivedAtMs } = this.#item;
    const isOfDomain = !this.#transport.isRetriedByLocalPart;
    const asked = { address: retriedAddress(recipient), returnPath, errno: record.errno, isOfDomain };
    if (isUltimate(await retryRule(asked), receivedAtMs, this.#startedAtMs)) return undefined;
    const hosts = standOfRecord(record);
    return { outcome: "deferred", errno: NOT_YET, text: "Retry time not yet reached", hosts };
  }

  async #noted(one: Attempted, steps: readonly RetryStep[], nowMs: number, random: () => number): Promise<Attempted> {
    const { recipient, result } = one;
    if (result.outcome === "deferred" && result.hosts?.areAllSkipped === true) return one;
    const key = this.#keyOf(recipient, result);
    this.#forgetOthers(recipient, key);
    if (key === undefined || !this.#isCounted(result)) return one;
    const { receivedAtMs } = this.#item;
    const when = { receivedAtMs, isHost: false, startedAtMs: this.#startedAtMs, nowMs, random };
    const remembered = await this.#retries.failed(key, { result, ...when }, steps);
    return { ...one, result: { ...result, retryKey: key, remembered } };
  }

  /** A failure of its own, that has not been written down yet. */
  #isCounted(result: AttemptResult): result is DeferredAttempt {
    return result.outcome === "deferred" && result.hosts?.areAllSkipped !== true && result.remembered === undefined;
  }

  /** What it had failed by before is over. */
  #forgetOthers(recipient: Recipient, key: string | undefined): void {
    const { address, retryKey } = recipient;
    const { messageId } = this.#item;
    // What other hosts have said of this message still holds.
    const isOfMessage = key !== undefined && [key, retryKey].every((one) => one?.endsWith(`:${messageId}`));
    if (retryKey !== undefined && retryKey !== key && !isOfMessage) this.#retries.forget(retryKey, true);
    if (this.#retries.isEmpty || key !== undefined) return;
    if (this.#transport.driver !== "smtp") {
      this.#retries.forget(this.#localKey(recipient), false);
      return;
    }
    this.#retries.forget(retryKeys.addressAndSender(address, this.#item.returnPath), false);
    this.#retries.forget(retryKeys.routedAddress(address), false);
  }

  /** Undefined: it is nobody else's. */
  #keyOf(recipient: Recipient, result: AttemptResult): string | undefined {
    if (result.outcome !== "deferred" || result.isFrozen === true) return undefined;
    if (this.#transport.driver === "smtp") return result.retryKey;
    return result.errno === CONFIGURATION_ERROR ? undefined : this.#localKey(recipient);
  }

  #localKey({ address, origin }: Recipient): string {
    const { to } = this.#item;
    if (to !== undefined) return retryKeys.listItem(address, origin?.parents[0] ?? "");
    const { localAddress, localDomain } = retryKeys;
    return this.#transport.isRetriedByLocalPart ? localAddress(address) : localDomain(address);
  }
}
