import { encodeXtext } from "@postbus/mail";
import type { DialogueTerms } from "./dialogue-terms.ts";
import { messageArguments } from "./notification-arguments.ts";
import type { Transaction } from "./transaction.ts";

/** Whether an address can be said to every host. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what is meant
export const isAscii = (address: string): boolean => !/[^\x00-\x7f]/.test(address);

/** MAIL with what the peer offers, in Exim's order of the parameters. */
export function mailCommand(
  { returnPath, size, eightBit, notification, requireTls = false, authenticatedSender }: Transaction,
  { capabilities: offered, sizeAddition }: DialogueTerms,
  { isUtf8, isPrdr }: { readonly isUtf8: boolean; readonly isPrdr: boolean },
): string {
  let command = `MAIL FROM:<${returnPath}>`;
  if (offered.size && sizeAddition >= 0) command += ` SIZE=${size + sizeAddition}`;
  if (offered.eightBitMime && eightBit) command += " BODY=8BITMIME";
  if (isPrdr) command += " PRDR";
  if (isUtf8) command += " SMTPUTF8";
  if (offered.requireTls && requireTls) command += " REQUIRETLS";
  if (offered.dsn && notification !== undefined) command += messageArguments(notification);
  if (offered.auth !== undefined && authenticatedSender !== undefined) {
    command += ` AUTH=${authenticatedSender === "" ? "<>" : encodeXtext(authenticatedSender)}`;
  }
  return command;
}
