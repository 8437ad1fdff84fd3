import type { DeliveryItem } from "@postbus/contracts";
import type { Transaction } from "@postbus/smtp";

/**
 * What one transaction carries of an item.
 *
 * @param batch Positions of its recipients. @param downconvert As the transport has it; undefined: as the message has it.
 */
export function transactionOf(
  item: DeliveryItem,
  returnPath: string,
  batch: readonly number[],
  size: number,
  downconvert: Transaction["utf8Downconvert"],
): Transaction {
  const { eightBit = false, smtpUtf8 = false, utf8Downconvert = 0, notification, isLastHop = false } = item;
  const ofBatch = batch.map((position) => item.recipients[position]);
  const recipients = ofBatch.map((recipient) => recipient?.address ?? "");
  const envelope = {
    returnPath,
    recipients,
    size,
    eightBit,
    smtpUtf8,
    utf8Downconvert: downconvert ?? utf8Downconvert,
  };
  if (isLastHop) return envelope;
  const recipientNotifications = ofBatch.map((recipient) => recipient?.notification);
  return {
    ...envelope,
    ...(notification === undefined ? {} : { notification }),
    ...(recipientNotifications.every((one) => one === undefined) ? {} : { recipientNotifications }),
  };
}
