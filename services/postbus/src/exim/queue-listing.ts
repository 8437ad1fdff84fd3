import { printable } from "../printable.ts";

/** What the listing needs of an item of the queue. */
export interface ListedItem {
  readonly messageId: string;
  readonly state: string;
  readonly size: number;
  readonly returnPath?: string;
  readonly recipients: readonly string[];
  readonly receivedAtMs?: number;
}

/**
 * Items of one message as `exim -bp` lists it, with its blank line: what exiqsumm and exiqgrep read. Recipients that have got the
 * message are no items any more, and so are not shown (`D`).
 *
 * @param items At least one.
 */
export function listedMessage(items: readonly ListedItem[], nowMs: number): string {
  const [{ messageId, size, returnPath = "", receivedAtMs = nowMs }] = items as [ListedItem];
  const isFrozen = items.every(({ state }) => state === "frozen");
  const head = `${ageText(nowMs - receivedAtMs)} ${sizeText(size)} ${messageId} <${printable(returnPath)}>`;
  const recipients = items.flatMap((item) => item.recipients).map((address) => `          ${printable(address)}\n`);
  return `${head}${isFrozen ? " *** frozen ***" : ""}\n${recipients.join("")}\n`;
}

function ageText(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes <= 90) return `${String(minutes).padStart(2)}m`;
  const hours = Math.floor((minutes + 30) / 60);
  return hours <= 72 ? `${String(hours).padStart(2)}h` : `${String(Math.floor((hours + 12) / 24)).padStart(2)}d`;
}

const KIB = 1024;
const MIB = KIB * KIB;

function sizeText(octets: number): string {
  if (octets === 0) return "     ";
  if (octets < KIB) return String(octets).padStart(5);
  if (octets < 10 * KIB) return `${(octets / KIB).toFixed(1).padStart(4)}K`;
  if (octets < MIB) return `${String(Math.floor((octets + KIB / 2) / KIB)).padStart(4)}K`;
  if (octets < 10 * MIB) return `${(octets / MIB).toFixed(1).padStart(4)}M`;
  return `${String(Math.floor((octets + MIB / 2) / MIB)).padStart(4)}M`;
}
