import type { Recipient, RecipientOrigin } from "./envelope.ts";

interface WithRecipients {
  recipients: Recipient[];
  origins?: RecipientOrigin[];
}

/**
 * An item as it is published: an origin that several recipients have in common (it is the same object) stands in it once, or the
 * header lines that a list of thousands has inherited would stand there as many times.
 */
export function shareOrigins<T extends WithRecipients>(item: T): T {
  if (item.recipients.length === 1) return item;
  const counts = new Map<RecipientOrigin, number>();
  for (const { origin } of item.recipients) if (origin !== undefined) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const shared = [...counts.keys()].filter((origin) => counts.get(origin) !== 1);
  if (shared.length === 0) return item;
  const positions = new Map(shared.map((origin, i) => [origin, i]));
  const recipients = item.recipients.map((recipient) => {
    const sharedOrigin = recipient.origin === undefined ? undefined : positions.get(recipient.origin);
    if (sharedOrigin === undefined) return recipient;
    const { origin, ...rest } = recipient;
    return { ...rest, sharedOrigin };
  });
  return { ...item, recipients, origins: shared };
}

/** The item as its handler sees it: every recipient has its origin. @throws {Error} the item is damaged. */
export function withOrigins<T extends WithRecipients>(item: T): T {
  const { origins } = item;
  if (origins === undefined) return item;
  const recipients = item.recipients.map((recipient): Recipient => {
    const { sharedOrigin, ...rest } = recipient;
    if (sharedOrigin === undefined) return recipient;
    const origin = origins[sharedOrigin];
    if (origin === undefined) throw new Error(`recipient ${recipient.address}: there is no origin ${sharedOrigin}`);
    return { ...rest, origin };
  });
  const { origins: _, ...rest } = { ...item, recipients };
  return rest as T;
}
