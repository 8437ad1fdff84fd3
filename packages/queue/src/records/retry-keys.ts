import type { Recipient } from "@postbus/contracts";
import { domainOf, localPartOf } from "@postbus/mail";

/** The address that retry rules are about: of a pipe or a file, the one that has named it. */
export const retriedAddress = ({ address, origin }: Recipient): string =>
  origin?.item === undefined ? address : (origin.parents[0] ?? address);

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const addressIn = (address: string): string => `${lower(localPartOf(address))}@${domainOf(address)}`;

/** Names of retry records, as Exim gives them: `R:` is about routing, `T:` about transport (Exim's manual, "Retry configuration"). */
export const retryKeys = {
  /** Routers that look at the domain only have deferred. */
  routedDomain: (address: string): string => `R:${domainOf(address)}`,
  /** Routers have, or a host of a transport without `address_retry_include_sender` has answered RCPT with 4xx. */
  routedAddress: (address: string): string => `R:${addressIn(address)}`,
  /** A host has answered RCPT with 4xx: it may be because of who has sent it. */
  addressAndSender: (address: string, returnPath: string): string => `R:${addressIn(address)}:<${returnPath}>`,
  /** A local transport without `retry_use_local_part`. */
  localDomain: (address: string): string => `T:${domainOf(address)}`,
  /** A local transport. */
  localAddress: (address: string): string => `T:${addressIn(address)}`,
  /** A pipe or a file. @param item As the list has it. @param parent The address that has the list. */
  listItem: (item: string, parent: string): string => `T:${item}:${addressIn(parent)}`,
  /** A host has put off a message, which others need not meet. @param host The key of the host. */
  messageAtHost: (host: string, messageId: string): string => `${host}:${messageId}`,
};
