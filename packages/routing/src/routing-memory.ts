import type { HostsAnswer } from "./hosts/find-hosts.ts";
import type { ListedHost } from "./hosts/host-list-text.ts";
import { SameDomainCopies } from "./same-domain-copies.ts";

/** Hosts that are remembered of one message; one with more domains asks again. */
const MAX_ANSWERS = 1_000;

/**
 * What the recipients of one message share: deliveries that are there already, and hosts that were found. Equal domains
 * get the same hosts in the same order, so that their recipients can go together.
 */
export class RoutingMemory {
  readonly #names = new Set<string>();
  // Made when they are needed: there is a memory for every message.
  #answers: Map<string, HostsAnswer> | undefined;
  #orders: Map<string, readonly ListedHost[]> | undefined;

  #copies: SameDomainCopies | undefined;

  get copies(): SameDomainCopies {
    this.#copies ??= new SameDomainCopies();
    return this.#copies;
  }

  /** Takes note of a delivery. @returns whether it is the first of this name. */
  isFirst(unique: string): boolean {
    if (this.#names.has(unique)) return false;
    this.#names.add(unique);
    return true;
  }

  /** What was found under this key before, or what is found now. @param key Undefined: it depends on more. */
  async hosts(key: string | undefined, find: () => Promise<HostsAnswer>): Promise<HostsAnswer> {
    this.#answers ??= new Map();
    const answers = this.#answers;
    const known = key === undefined ? undefined : answers.get(key);
    if (known !== undefined) return known;
    const answer = await find();
    if (key !== undefined && answers.size < MAX_ANSWERS) answers.set(key, answer);
    return answer;
  }

  /** The order that was drawn for a list. */
  order(key: string, draw: () => readonly ListedHost[]): readonly ListedHost[] {
    this.#orders ??= new Map();
    const orders = this.#orders;
    const order = orders.get(key) ?? draw();
    if (orders.size < MAX_ANSWERS) orders.set(key, order);
    return order;
  }
}
