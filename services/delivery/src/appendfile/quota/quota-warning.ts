import type { Publication } from "@postbus/bus";
import type { MailEvent } from "@postbus/contracts";
import { derivedMessageId, trim } from "@postbus/mail";
import { mailboxes, type Policy, parseMailbox } from "@postbus/policy";
import { ownMessage } from "@postbus/queue";
import { rfc5322Date } from "../../message/delivery-fields.ts";
import { MailboxError } from "../mailbox-error.ts";
import type { MailboxJob } from "../mailbox-job.ts";

/** Who is warned of one mailbox. */
const MAX_RECIPIENTS = 50;

interface Warning {
  readonly notes: readonly string[];
  readonly publish: readonly Publication[];
  readonly events: readonly MailEvent[];
}

/**
 * The message that warns of a mailbox becoming full (`quota_warn_message`), from nobody, to those whom its header names. Its id
 * follows from the work item's: a second run makes the same. That it cannot be made does not undo the delivery.
 */
export async function quotaWarning(
  job: MailboxJob,
  policy: Pick<Policy, "primaryHostname" | "qualifyDomain" | "reports">,
): Promise<Warning> {
  let text: string;
  try {
    text = (await job.text("quota_warn_message", `(warning message for ${job.transport.name} transport)`)) ?? "";
  } catch (err) {
    if (!(err instanceof MailboxError)) throw err;
    return { notes: [err.message], publish: [], events: [] };
  }
  const [header, body] = taken(text);
  const recipients = recipientsOf(header, policy.qualifyDomain);
  if (recipients.length === 0) return { notes: [], publish: [], events: [] };
  const { work, item } = job.attempt;
  const messageId = derivedMessageId(`${work.id}/quota${job.positions[0]}`, item.queuedAtMs);
  const nowMs = job.deps.now();
  const octets = Buffer.from(whole(header, body, { messageId, nowMs, ...policy }), "latin1");
  const { publication, received } = ownMessage({
    messageId,
    octets,
    recipients,
    about: item.messageId,
    nowMs,
    headerMessageId: `E${messageId}@${policy.primaryHostname}`,
    service: "delivery",
    authenticatedSender: policy.reports.authenticatedSender,
  });
  return { notes: [], publish: [publication], events: [received] };
}

/** Fields, each without its line end, and what stands behind the blank line. */
function taken(text: string): readonly [readonly string[], string] {
  const lines = text.replace(/\r\n?/g, "\n").replace(/^\n+/, "");
  const end = lines.indexOf("\n\n");
  const header = end === -1 ? lines.replace(/\n+$/, "") : lines.slice(0, end);
  return [header.split(/\n(?![ \t])/), end === -1 ? "" : lines.slice(end + 2)];
}

const isNamed = (field: string, ...names: readonly string[]): boolean =>
  names.includes(
    field
      .slice(0, Math.max(0, field.indexOf(":")))
      .trim()
      .toLowerCase(),
  );

function recipientsOf(header: readonly string[], qualifyDomain: string): readonly string[] {
  const found = new Set<string>();
  for (const field of header) {
    if (!isNamed(field, "to", "cc", "bcc")) continue;
    for (const mailbox of mailboxes(trim(field.slice(field.indexOf(":") + 1).replace(/\n[ \t]*/g, " ")))) {
      const address = parseMailbox(mailbox)?.address ?? "";
      if (address !== "" && found.size < MAX_RECIPIENTS) {
        found.add(address.includes("@") ? address : `${address}@${qualifyDomain}`);
      }
    }
  }
  return [...found];
}

interface Names {
  readonly messageId: string;
  readonly nowMs: number;
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
}

/** As a local message of Exim's has it: what the policy leaves out is added. */
function whole(header: readonly string[], body: string, names: Names): string {
  const { messageId, nowMs, primaryHostname, qualifyDomain } = names;
  const date = rfc5322Date(new Date(nowMs));
  const has = (name: string): boolean => header.some((field) => isNamed(field, name));
  const fields = [
    `Received: by ${primaryHostname} with local (Postbus)\n\tid ${messageId};\n\t${date}`,
    ...(has("auto-submitted") ? [] : ["Auto-Submitted: auto-replied"]),
    ...(has("from") ? [] : [`From: Mail Delivery System <Mailer-Daemon@${qualifyDomain}>`]),
    ...header.filter((field) => !isNamed(field, "bcc")),
    ...(has("message-id") ? [] : [`Message-Id: <E${messageId}@${primaryHostname}>`]),
    ...(has("date") ? [] : [`Date: ${date}`]),
  ];
  const text = `${fields.join("\n")}\n\n${body === "" || body.endsWith("\n") ? body : `${body}\n`}`;
  return text.replaceAll("\n", "\r\n");
}
