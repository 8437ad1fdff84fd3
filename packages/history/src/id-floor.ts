import { MessageIdGenerator } from "@postbus/mail";

/** Message ids sort by time: none that was made at `atMs` or later (to the second) is below this. */
export function idFloor(atMs: number): string {
  return new MessageIdGenerator(() => Math.max(0, atMs), 0n).next().slice(0, 6);
}
