import { BlockList, isIPv6 } from "node:net";
import { parseNetwork, type WatchFilter } from "@postbus/contracts";

/** What is known of a session so far. */
export interface WatchedFacts {
  readonly address: string;
  readonly helo: string;
  readonly returnPath: string | undefined;
  /** Whether the transaction that runs, or the last one, has a recipient that `wantsRecipient`. */
  readonly hasRecipient: boolean;
}

/** Whether a session is one that somebody wants to see. */
export class SessionFilter {
  readonly #networks: BlockList | undefined;
  readonly #filter: WatchFilter;

  constructor(filter: WatchFilter) {
    const { from, helo, sender, recipient } = filter;
    this.#filter = {
      ...(helo === undefined ? {} : { helo: helo.toLowerCase() }),
      ...(sender === undefined ? {} : { sender: sender.toLowerCase() }),
      ...(recipient === undefined ? {} : { recipient: recipient.toLowerCase() }),
    };
    if (from === undefined) return;
    this.#networks = new BlockList();
    for (const text of from) {
      const network = parseNetwork(text);
      if (network !== undefined) this.#networks.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /** Whether it can be one at all: of an address nothing changes. */
  mayMatch(address: string): boolean {
    return this.#networks?.check(address, isIPv6(address) ? "ipv6" : "ipv4") ?? true;
  }

  wantsRecipient(address: string): boolean {
    const { recipient } = this.#filter;
    return recipient !== undefined && address.toLowerCase().includes(recipient);
  }

  /** Of one that may match. */
  matches({ helo, returnPath, hasRecipient }: WatchedFacts): boolean {
    const { helo: name, sender, recipient } = this.#filter;
    if (name !== undefined && !helo.toLowerCase().includes(name)) return false;
    if (sender !== undefined && !isSender(sender, returnPath)) return false;
    return recipient === undefined || hasRecipient;
  }
}

function isSender(part: string, returnPath: string | undefined): boolean {
  if (returnPath === undefined) return false;
  return part === "<>" ? returnPath === "" : returnPath.toLowerCase().includes(part);
}
