import { headerFields } from "@postbus/mail";

/** How many Received fields a header section has (RFC 5321 §6.3). */
export function countReceived(header: Buffer): number {
  let count = 0;
  for (const { name } of headerFields(header)) if (name === "received") count += 1;
  return count;
}
