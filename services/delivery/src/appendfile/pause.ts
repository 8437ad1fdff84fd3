import { setTimeout as delay } from "node:timers/promises";
import { LeaseLostError } from "../lease-lost-error.ts";

/** Waits for what others do to a mailbox. @throws {LeaseLostError} nobody waits for the delivery any more. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (err) {
    throw new LeaseLostError("the item was given up while its mailbox was in use", { cause: err });
  }
}
