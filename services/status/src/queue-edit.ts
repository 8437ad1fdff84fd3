import type { Bus, WaitingItem } from "@postbus/bus";
import { type Completed, type MailEvent, type Noted, RouteItem, withOrigins } from "@postbus/contracts";
import { readable } from "@postbus/history";
import { Compile } from "typebox/compile";

/** How an operator can change who gets a message, and from whom: Exim's `-Mmd`, `-Mmad`, `-Mar`, `-Mes`. */
export const queueEditNames = ["delivered", "all-delivered", "recipient", "sender"] as const;
export type QueueEditName = (typeof queueEditNames)[number];

/** What became of one item. */
type Edited =
  | "done"
  /** The address is not one of its recipients. */
  | "not here"
  /** It is gone, or in a handler's hands, or of a version that is not understood. */
  | "not done";

const routeItem = Compile(RouteItem);

/** Only what waits for its time, or for an operator, can be changed: what is ready may be in work. */
export const editableStates: readonly WaitingItem["state"][] = ["deferred", "frozen"];

/** @param address Of the recipient or the sender, as an operator reads it. */
export async function editItem(bus: Bus, item: WaitingItem, edit: QueueEditName, address: string): Promise<Edited> {
  if (!routeItem.Check(item.header)) return "not done";
  const header = withOrigins(item.header);
  switch (edit) {
    case "sender":
      return revised(bus, item, { ...header, returnPath: address }, `sender address changed to <${address}>`);
    case "recipient": {
      const recipients = [...header.recipients, { address }];
      return revised(bus, item, { ...header, recipients }, `recipient <${address}> added`);
    }
    case "delivered":
      return served(bus, item, header, (recipient) => readable(recipient) === address);
    case "all-delivered":
      return served(bus, item, header, () => true);
    default:
      throw new Error(`unhandled edit: ${JSON.stringify(edit satisfies never)}`);
  }
}

/** Nothing is to be delivered to some recipients any more; with the last one the item ends, and perhaps the message. */
async function served(
  bus: Bus,
  item: WaitingItem,
  header: RouteItem,
  isMeant: (address: string) => boolean,
): Promise<Edited> {
  const meant = header.recipients.filter(({ address }) => isMeant(address));
  if (meant.length === 0) return "not here";
  const recipients = header.recipients.filter((recipient) => !meant.includes(recipient));
  const notes = meant.map(({ address }, i) => noted(item, `address <${address}> marked delivered`, i));
  if (recipients.length > 0) return recorded(bus, await bus.waiting.revise(item.id, { ...header, recipients }), notes);
  const { messageId } = item;
  // The id that every service gives it: whoever ends the message, it is complete once.
  const completed: Completed = {
    ...{
      v: 1,
      id: `${messageId}:msg:complete:0`,
      atMs: Date.now(),
      service: "status",
      messageId,
      name: "msg:complete",
    },
  };
  return (await bus.waiting.remove(item.id, notes, [completed])) ? "done" : "not done";
}

const revised = async (bus: Bus, item: WaitingItem, header: RouteItem, text: string): Promise<Edited> =>
  recorded(bus, await bus.waiting.revise(item.id, header), [noted(item, text, 0)]);

async function recorded(bus: Bus, isDone: boolean, notes: readonly MailEvent[]): Promise<Edited> {
  if (!isDone) return "not done";
  await bus.events.record(notes);
  return "done";
}

/** An item may be changed again and again: each time is an event of its own, so the time is in its id. */
function noted({ id, messageId }: WaitingItem, text: string, number: number): Noted {
  const atMs = Date.now();
  const name = "msg:note";
  return {
    ...{ v: 1, id: `${id}:edited:${atMs}.${number}`, atMs, service: "status", messageId, name },
    text: `${text} by operator`,
  };
}
