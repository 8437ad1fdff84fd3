import type { MailEvent } from "@postbus/contracts";

/** On the way of a message, who comes before whom. */
const RANKS: Readonly<Record<string, number>> = { gateway: 0, router: 1, delivery: 2 };

/**
 * The events of one message by time, and none before its cause: services write into the history each in its own batches, and
 * their clocks differ. Whatever the clocks say, reception comes before all that router and delivery do, and the end of the
 * message is the end.
 *
 * @param events In the order in which they were recorded, which stays where nothing else is known.
 */
export function inCausalOrder<T extends Pick<MailEvent, "name" | "service" | "atMs">>(events: readonly T[]): T[] {
  const receivedAtMs = events.find(({ name }) => name === "msg:received")?.atMs ?? -Infinity;
  const time = ({ name, service, atMs }: T): number => {
    if (name === "msg:complete") return Infinity;
    return service === "gateway" ? atMs : Math.max(atMs, receivedAtMs);
  };
  const rank = ({ service }: T): number => RANKS[service] ?? LAST;
  return events.toSorted((a, b) => compare(time(a), time(b)) || rank(a) - rank(b));
}

const LAST = 3;

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
