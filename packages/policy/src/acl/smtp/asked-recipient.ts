import { lowerCase } from "../../expansion/operators/case.ts";
import type { AclSession } from "../session.ts";
import { unquotedLocalPart } from "./local-part.ts";

/** A recipient is asked about. */
export function beginRecipient(address: string, session: AclSession): void {
  const at = address.lastIndexOf("@");
  session.isCaseful = false;
  session.recipient = {
    address,
    localPart: unquotedLocalPart(at === -1 ? address : address.slice(0, at)),
    domain: at === -1 ? "" : lowerCase(address.slice(at + 1)),
  };
  forgetData(session);
}

/** The answer is there. */
export function endRecipient(session: AclSession): void {
  session.recipient = undefined;
  forgetData(session);
}

/** What was found out about the recipient before. */
function forgetData({ message: { found } }: AclSession): void {
  if (found.size === 0) return;
  for (const name of OF_RECIPIENT) found.delete(name);
}

/** `$recipient_verify_failure` is not among them: in Exim, too, it stays until the next recipient is verified. */
const OF_RECIPIENT = ["domain_data", "local_part_data", "recipient_data", "address_data", "sender_address_data"];
