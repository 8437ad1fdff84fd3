import type { Incoming } from "../incoming.ts";

export interface Arrival {
  readonly helo: string;
  readonly clientAddress: string;
  readonly hostname: string;
  /** As Exim logs it (`P=`): `esmtps`. */
  readonly protocol: string;
  readonly cipher?: string | undefined;
  readonly messageId: string;
  readonly recipients: readonly string[];
  /** RFC 5322 §3.3 */
  readonly date: string;
}

/**
 * Our trace field (RFC 5321 §4.4), with the protocol words of RFC 3848. A recipient is named only if there is no
 * other: a second one might be a blind copy (§7.2).
 */
export function receivedField(arrival: Arrival): string {
  const { helo, clientAddress, hostname, protocol, cipher, messageId, recipients, date } = arrival;
  const address = clientAddress.includes(":") ? `IPv6:${clientAddress}` : clientAddress;
  const tls = cipher === undefined ? "" : ` (${cipher})`;
  // There is no registered word for REQUIRETLS: `esmtpS` as in the Exim that had it.
  const word = protocol.includes("S") ? protocol : protocol.toUpperCase();
  const to = recipients.length === 1 ? `\r\n\tfor <${recipients[0]}>` : "";
  return (
    `Received: from ${sender(helo, address)}\r\n\tby ${hostname} with ${word}${tls} (Postbus)` +
    `\r\n\tid ${messageId}${to};\r\n\t${date}\r\n`
  );
}

/** Of a message that a session has taken. */
export function receivedFieldOf(
  { client, envelope, protocol, tls }: Pick<Incoming, "client" | "envelope" | "protocol" | "tls">,
  arrival: Pick<Arrival, "hostname" | "messageId" | "date">,
): string {
  const { helo, address: clientAddress } = client;
  return receivedField({
    ...arrival,
    helo,
    clientAddress,
    protocol,
    cipher: tls?.cipher,
    recipients: envelope.recipients,
  });
}

/** What a client has called itself stands first only if it is a name: else it could write the field for us. */
function sender(helo: string, address: string): string {
  if (helo === "") return `[${address}]`;
  if (/^(?:[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\])$/.test(helo)) return `${helo} ([${address}])`;
  return `[${address}] (helo=${helo.replace(/[^A-Za-z0-9.:_-]/g, "?").slice(0, MAX_HELO)})`;
}

/** Of a name that is none. */
const MAX_HELO = 100;
