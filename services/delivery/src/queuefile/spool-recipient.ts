import type { Recipient } from "@postbus/contracts";
import { oneLine } from "./one-line.ts";

/** Exim's bits for NOTIFY= (RFC 3461 §4.1) in its spool files. */
const NOTIFY = { NEVER: 2, SUCCESS: 4, FAILURE: 8, DELAY: 16 } as const;
/** Both groups of fields are there: the original recipient with NOTIFY, and where errors go. */
const BOTH = 3;
const TOP_LEVEL = -1;

/** The line of a recipient: the address alone, or with what the sender and a list want of reports. It is read from its end. */
export function spoolRecipient({ address, notification, origin }: Recipient): string {
  const flags = (notification?.notify ?? []).reduce((sum, occasion) => sum + NOTIFY[occasion], 0);
  const original = oneLine(notification?.originalRecipient ?? "");
  const errorsTo = oneLine(origin?.errorsTo ?? "");
  if (flags === 0 && original === "" && errorsTo === "") return oneLine(address);
  const [a, b] = [`${original.length},${flags}`, `${errorsTo.length},${TOP_LEVEL}`];
  return `${oneLine(address)} ${original} ${a} ${errorsTo} ${b}#${BOTH}`;
}
