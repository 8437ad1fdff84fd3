import { asciiDomain, domainOf, localPartOf } from "@postbus/mail";
import { isAscii } from "./mail-command.ts";
import type { Transaction } from "./transaction.ts";

/**
 * The same transaction for a host that knows nothing of RFC 6531: domains as A-labels (RFC 5890 §2.3.2.1), the content as it is.
 *
 * @returns undefined: it cannot be said so. A local part has no other form: what Exim makes of one (`xn--…`) is another mailbox.
 */
export function asciiTransaction(transaction: Transaction): Transaction | undefined {
  const returnPath = asciiAddress(transaction.returnPath);
  const recipients = transaction.recipients.map(asciiAddress);
  if (returnPath === undefined || !recipients.every((address) => address !== undefined)) return undefined;
  return { ...transaction, returnPath, recipients, smtpUtf8: false };
}

function asciiAddress(address: string): string | undefined {
  if (isAscii(address)) return address;
  const localPart = localPartOf(address);
  const domain = asciiDomain(domainOf(address));
  return domain === undefined || !isAscii(localPart) ? undefined : `${localPart}@${domain}`;
}
