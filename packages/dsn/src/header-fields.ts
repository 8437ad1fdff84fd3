import { fieldValue, headerFields } from "@postbus/mail";
import { plainText } from "./plain-text.ts";
import type { Report, ReportKind, ReportRecipient } from "./report.ts";
import { MAX_ADDRESS } from "./reported-address.ts";

/** As many as Exim names in References; RFC 5322 §3.6.4 sets no bound. */
const MAX_REFERENCES = 12;
const MAX_VALUE = 900;
const MAX_TEMPLATE_FIELDS = 50;

/** Fields that are ours whatever a template says: programs depend on them. */
const OURS: ReadonlySet<string> = new Set([
  ...["auto-submitted", "date", "from", "message-id", "mime-version", "references", "in-reply-to"],
  ...["to", "cc", "bcc", "x-failed-recipients", "x-exim-dsn-information"],
]);

/** @property isAddress It is a name and an address, as From is. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

/** The fields of the report's header section but for From, To, Date and those of MIME. */
export function reportFields(report: Report, cutsMessage: boolean): readonly Field[] {
  const { kind, wording, recipients, about = "", id, primaryHostname } = report;
  const fields: Field[] = [];
  const add = (name: string, value: string) => fields.push({ name, value });
  const failed = kind === "failure" ? recipients.filter(({ isHidden }) => isHidden !== true) : [];
  if (failed.length > 0) {
    add("X-Failed-Recipients", failed.map((recipient) => plainText(named(recipient), MAX_ADDRESS)).join(", "));
  }
  if (wording.replyTo !== undefined) add("Reply-To", plainText(wording.replyTo, MAX_VALUE));
  add("Auto-Submitted", kind === "success" ? "auto-generated" : "auto-replied");
  const messageId = plainText(about, MAX_ADDRESS).replace(/[<> ]/g, "");
  if (messageId !== "") add("In-Reply-To", `<${messageId}>`);
  const references = referencesOf(report, messageId);
  if (references !== "") add("References", references);
  add("Message-ID", `<E${id}@${plainText(primaryHostname, MAX_ADDRESS)}>`);
  if (cutsMessage) add("X-Exim-DSN-Information", "Due to administrative limits only headers are returned");
  const ofTemplate = templateFields(wording.template?.header ?? "");
  if (!ofTemplate.some(({ name }) => name.toLowerCase() === "subject")) add("Subject", SUBJECTS[kind](report));
  return [...fields, ...ofTemplate];
}

/** Of a command, a file or a reply in a redirect list, the address whose list it was: as in Exim, what is in it is no business of others. */
const named = ({ address, parents = [] }: ReportRecipient): string =>
  /^[|/>]/.test(address) ? (parents[0] ?? address) : address;

const SUBJECTS: Readonly<Record<ReportKind, (report: Report) => string>> = {
  failure: ({ to, returnPath }) => `Mail delivery failed${to === returnPath ? ": returning message to sender" : ""}`,
  delay: ({ queueId, delay = "" }) => plainText(`Warning: message ${queueId} delayed ${delay}`, MAX_VALUE),
  success: () => "Delivery Status Notification",
};

/** Those of the message, or what it answers, and the message itself (RFC 5322 §3.6.4). */
function referencesOf({ original: { octets } }: Report, messageId: string): string {
  const fields = headerFields(octets);
  const field = fields.find(({ name }) => name === "references") ?? fields.find(({ name }) => name === "in-reply-to");
  const before = field === undefined ? [] : (fieldValue(octets, field).match(/<[!-;=?-~]{1,250}>/g) ?? []);
  const all = messageId === "" ? before : [...before.filter((one) => one !== `<${messageId}>`), `<${messageId}>`];
  return (all.length > MAX_REFERENCES ? [...all.slice(0, 1), ...all.slice(1 - MAX_REFERENCES)] : all).join(" ");
}

/** What the operator has put there. Lines that are no fields end it. */
function templateFields(text: string): readonly Field[] {
  const octets = Buffer.from(`${text.trim().replace(/\r?\n/g, "\r\n")}\r\n`, "latin1");
  return headerFields(octets)
    .slice(0, MAX_TEMPLATE_FIELDS)
    .filter(({ name }) => !OURS.has(name) && !name.startsWith("content-"))
    .map((field) => ({
      name: octets.toString("latin1", field.start, field.valueStart - 1).trim(),
      value: plainText(fieldValue(octets, field), MAX_VALUE, true),
    }));
}
