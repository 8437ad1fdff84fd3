import type { MimePart } from "@postbus/mail";
import type { SmtpMessage } from "../smtp/message.ts";

type Found = SmtpMessage["found"];

/** Of one part: nothing is left of them behind it. */
const OF_PART = [
  "mime_anomaly_level",
  "mime_anomaly_text",
  "mime_boundary",
  "mime_charset",
  "mime_content_description",
  "mime_content_disposition",
  "mime_content_id",
  "mime_content_size",
  "mime_content_transfer_encoding",
  "mime_content_type",
  "mime_decoded_filename",
  "mime_filename",
  "mime_is_multipart",
] as const;

/** The part's variables (Exim's manual, "The ACL variables of MIME parts"). @param isInMessage It is in a part that is a message. */
export function setPartVariables({ fields, ...part }: MimePart, isInMessage: boolean, found: Found): void {
  forgetPart(found);
  found.set("mime_content_type", fields.type);
  found.set("mime_content_disposition", fields.disposition);
  found.set("mime_content_transfer_encoding", fields.transferEncoding);
  found.set("mime_content_id", fields.id);
  found.set("mime_content_description", fields.description);
  found.set("mime_charset", fields.charset);
  found.set("mime_boundary", fields.boundary);
  found.set("mime_filename", fields.filename);
  found.set("mime_is_multipart", part.isMultipart ? 1 : 0);
  found.set("mime_is_coverletter", part.isCoverLetter ? 1 : 0);
  found.set("mime_is_rfc822", isInMessage ? 1 : 0);
  found.set("mime_part_count", part.index);
}

/** Behind the last part: what is known of all of them stays. */
export function forgetPart(found: Found): void {
  for (const name of OF_PART) found.delete(name);
}
