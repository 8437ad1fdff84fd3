/** Which of the fields a transport wants: `return_path_add`, `envelope_to_add`, `delivery_date_add`. */
export interface WantedFields {
  readonly returnPath: boolean;
  readonly envelopeTo: boolean;
  readonly deliveryDate: boolean;
}

/** Addresses that `Envelope-to` names; a longer list would be a header line of megabytes. */
const MAX_NAMED = 1_000;

/**
 * The fields that a transport puts on top, each with its LF (Exim's manual, "Generic options for transports").
 *
 * Addresses come from peers: a line end in one would write fields of its own, so control characters become blanks.
 *
 * @param recipients As the client has named them; one that is there twice is named once.
 */
export function deliveryFields(
  { returnPath, envelopeTo, deliveryDate }: WantedFields,
  from: string,
  recipients: readonly string[],
  now: Date,
): string {
  const named = recipients.length === 1 ? recipients : [...new Set(recipients)].slice(0, MAX_NAMED);
  let fields = returnPath ? `Return-path: <${oneLine(from)}>\n` : "";
  if (envelopeTo) fields += `Envelope-to: ${named.map(oneLine).join(",\n ")}\n`;
  if (deliveryDate) fields += `Delivery-date: ${rfc5322Date(now)}\n`;
  return fields;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
const oneLine = (address: string): string => address.replace(/[\x00-\x1f\x7f]/g, " ");

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 5322 §3.3, in local time as Exim writes it: `Sat, 21 Nov 2026 01:36:36 +0000`. */
function rfc5322Date(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${days[date.getDay()]}, ${two(date.getDate())} ${months[date.getMonth()]} ${date.getFullYear()} ${time} ${zone}`;
}
