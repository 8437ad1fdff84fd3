import type { HostsAnswer } from "./hosts/find-hosts.ts";
import type { ListedHost } from "./hosts/host-list-text.ts";

/** Hosts that are remembered of one message; one with more domains asks again. */
const MAX_ANSWERS = 1_000;

/**
 * What the recipients of one message share: deliveries that are there already, and hosts that were found. Equal domains
 * get the same hosts in the same order, so that their recipients can go together.
 */
export class RoutingMemory {
  readonly #names = new Set<string>();
  readonly #answers = new Map<string, HostsAnswer>();
  readonly #orders = new Map<string, readonly ListedHost[]>();

  /** Takes note of a delivery. @returns whether it is the first of this name. */
  isFirst(unique: string): boolean {
    if (this.#names.has(unique)) return false;
    this.#names.add(unique);
    return true;
  }

  /** What was found under this key before, or what is found now. @param key Undefined: it depends on more. */
  async hosts(key: string | undefined, find: () => Promise<HostsAnswer>): Promise<HostsAnswer> {
    const known = key === undefined ? undefined : this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = await find();
    if (key !== undefined && this.#answers.size < MAX_ANSWERS) this.#answers.set(key, answer);
    return answer;
  }

  /** The order that was drawn for a list. */
  order(key: string, draw: () => readonly ListedHost[]): readonly ListedHost[] {
    const order = this.#orders.get(key) ?? draw();
    if (this.#orders.size < MAX_ANSWERS) this.#orders.set(key, order);
    return order;
  }
}
