import type { Bus, WaitingItem } from "@postbus/bus";
import type { Completed, Frozen, MailEvent, Noted, RouteItem } from "@postbus/contracts";
import { REMOVED } from "@postbus/history";

/** What an operator can do to items that wait. */
export const queueCommandNames = ["now", "freeze", "thaw", "bounce", "remove"] as const;
export type QueueCommandName = (typeof queueCommandNames)[number];

interface QueueCommand {
  /** Items in other states are left alone: the command has nothing to say to them. */
  readonly states: readonly WaitingItem["state"][];
  /** @returns false: the item is gone, or in a handler's hands. */
  run(bus: Bus, item: WaitingItem): Promise<boolean>;
}

export const queueCommands: Readonly<Record<QueueCommandName, QueueCommand>> = {
  now: {
    states: ["deferred", "frozen"],
    // Retry records of hosts are not asked for this attempt, as with Exim's -M.
    run: async (bus, item) => (await revised(bus, item, { isForced: true })) && (await release(bus, item)),
  },
  freeze: {
    states: ["ready", "deferred"],
    async run(bus, item) {
      const reason = "frozen by operator";
      const isDone = await bus.waiting.freeze(item.id, reason);
      if (isDone) await revised(bus, item, { frozenAtMs: Date.now() });
      const frozen: Frozen = { ...common(item, "msg:frozen"), name: "msg:frozen", reason };
      if (isDone) await bus.events.record([frozen]);
      return isDone;
    },
  },
  thaw: {
    states: ["frozen"],
    run: (bus, item) => release(bus, item),
  },
  bounce: {
    states: ["deferred", "frozen"],
    async run(bus, item) {
      if (!(await revised(bus, item, { cancelled: "delivery cancelled by administrator" }))) return false;
      const isDone = await bus.waiting.takeNow(item.id);
      const cancelled: Noted = { ...common(item, "cancelled"), name: "msg:note", text: "cancelled by operator" };
      if (isDone) await bus.events.record([cancelled]);
      return isDone;
    },
  },
  remove: {
    states: ["ready", "deferred", "frozen"],
    run(bus, item) {
      const { messageId } = item;
      const removed: Noted = { ...common(item, "removed"), name: "msg:note", text: `${REMOVED} operator` };
      // The id that every service gives it: whoever ends the message, it is complete once.
      const completed: Completed = { ...common(item, ""), id: `${messageId}:msg:complete:0`, name: "msg:complete" };
      return bus.waiting.remove(item.id, [removed], [completed]);
    },
  },
};

/** The item with something more in its header; of a version that cannot be understood it is left as it is. */
async function revised(bus: Bus, { id, header }: WaitingItem, more: Partial<RouteItem>): Promise<boolean> {
  if (typeof header !== "object" || header === null) return false;
  return bus.waiting.revise(id, { ...header, ...more });
}

async function release(bus: Bus, item: WaitingItem): Promise<boolean> {
  const isDone = await bus.waiting.takeNow(item.id);
  // Exim's word; that a deferred message is tried early shows in the attempt's own line.
  const thawed: MailEvent = { ...common(item, "unfrozen"), name: "msg:note", text: "unfrozen by operator" };
  if (isDone && item.state === "frozen") await bus.events.record([thawed]);
  return isDone;
}

/** An operator may freeze and thaw an item again and again: each time is an event of its own, so the time is in its id. */
function common({ id, messageId }: WaitingItem, what: string) {
  const atMs = Date.now();
  return { v: 1 as const, id: `${id}:${what}:${atMs}`, atMs, service: "status", messageId };
}
