import { bmiVerdictsAbout, type DeliveryItem, type Recipient, type RouteItem, shareOrigins } from "@postbus/contracts";

/**
 * The same message with some of its recipients, on its way back to router: by the time of the next attempt the route
 * may be another (Exim routes on every attempt, too).
 */
export function continuedItem(
  item: RouteItem | DeliveryItem,
  recipients: readonly Recipient[],
  queuedAtMs: number,
): RouteItem {
  const {
    v,
    messageId,
    returnPath,
    recipientsCount,
    receivedAtMs,
    attempt,
    eightBit,
    notification,
    smtpUtf8,
    utf8Downconvert,
    requireTls,
    tlsOptional,
    reception,
    facts,
    aclVariables,
    bmiVerdicts,
  } = item;
  return shareOrigins({
    v,
    messageId,
    returnPath,
    recipients: [...recipients],
    receivedAtMs,
    queuedAtMs,
    attempt: attempt + 1,
    reception,
    ...(recipientsCount === undefined ? {} : { recipientsCount }),
    ...(eightBit === undefined ? {} : { eightBit }),
    ...(notification === undefined ? {} : { notification }),
    ...(smtpUtf8 === undefined ? {} : { smtpUtf8 }),
    ...(utf8Downconvert === undefined ? {} : { utf8Downconvert }),
    ...(requireTls === undefined ? {} : { requireTls }),
    ...(tlsOptional === undefined ? {} : { tlsOptional }),
    ...(facts === undefined ? {} : { facts }),
    ...(aclVariables === undefined ? {} : { aclVariables }),
    ...(bmiVerdicts === undefined ? {} : { bmiVerdicts: bmiVerdictsAbout(bmiVerdicts, recipients) }),
  });
}
