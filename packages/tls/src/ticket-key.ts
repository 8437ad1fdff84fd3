import { randomBytes } from "node:crypto";

/** What seals the tickets of sessions (RFC 5077 §4): who has it can open them, and resume what another server has begun. */
export interface TicketKey {
  /** For Node.js: name, then two keys, 16 octets each. */
  readonly octets: Buffer;
}

const OCTETS = 48;
const NAME_OCTETS = 16;

export function makeTicketKey(): TicketKey {
  return { octets: randomBytes(OCTETS) };
}

/** @returns undefined: the octets are none. */
export function ticketKeyOf(octets: Buffer): TicketKey | undefined {
  return octets.length === OCTETS ? { octets } : undefined;
}

/** Whether a ticket was sealed with the key, as its first octets say. */
export function isKeyOf({ octets }: TicketKey, ticketName: Buffer): boolean {
  return octets.subarray(0, NAME_OCTETS).equals(ticketName);
}
