import { encodeXtext } from "@postbus/mail";
import type { MessageNotification, RecipientNotification } from "../notification.ts";

/** Parameters of MAIL for a next hop that knows DSN (RFC 3461 §5.2.1): as they came, in Exim's order. */
export function messageArguments({ ret, envid }: MessageNotification): string {
  return (ret === undefined ? "" : ` RET=${ret}`) + (envid === undefined ? "" : ` ENVID=${envid}`);
}

/**
 * Parameters of RCPT for a next hop that knows DSN. Who asks for reports gets them under the name that he knows: without
 * ORCPT, that is the recipient's address (RFC 3461 §5.2.1).
 */
export function recipientArguments({ notify, originalRecipient }: RecipientNotification, address: string): string {
  const occasions = notify === undefined ? "" : ` NOTIFY=${notify.join(",")}`;
  const original = originalRecipient ?? (notify === undefined ? undefined : `rfc822;${encodeXtext(address)}`);
  return original === undefined ? occasions : `${occasions} ORCPT=${original}`;
}
