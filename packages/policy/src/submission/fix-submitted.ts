import type { AclSession } from "../acl/session.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../expansion/failures.ts";
import { textOf } from "../expansion/value.ts";
import { type HeaderFixups, submittedHeader } from "./submitted-header.ts";

/**
 * What a message lacks that came under `control = submission`. The session has its sender then.
 *
 * @param lines The header section as it came: each line with its name, folded with LF.
 * @param date For a message that has none.
 * @returns undefined: nobody has said so.
 */
export async function fixSubmitted(
  session: AclSession,
  lines: readonly string[],
  date: string,
): Promise<HeaderFixups | undefined> {
  const { message, connection, names, evaluation } = session;
  const { submission } = message.controls;
  if (submission === undefined) return undefined;
  const fixups = submittedHeader({
    ...submission,
    lines,
    returnPath: message.returnPath ?? "",
    authenticatedId: textOf(connection.authentication?.id ?? ""),
    qualifyDomain: names.qualifyDomain,
    charset: evaluation.around.settings.headersCharset,
    allowsUtf8: message.isSmtpUtf8,
    messageId: await newMessageId(session),
    date,
  });
  if (fixups.problem !== undefined) session.log(["main"], fixups.problem);
  message.returnPath = fixups.returnPath;
  return fixups;
}

/** `message_id_header_text` and `message_id_header_domain`; what an id cannot hold becomes a `-` (Exim's manual). */
async function newMessageId(session: AclSession): Promise<string> {
  const { primaryHostname, messageIdText, messageIdDomain } = session.names;
  const given = await expanded("message_id_header_text", messageIdText, session);
  const domain = await expanded("message_id_header_domain", messageIdDomain, session);
  const text = given.replace(/[^!#-'*+\-/0-9=?A-Z^-~]/g, "-");
  const host = domain === "" ? primaryHostname : domain.replace(/[^A-Za-z0-9.]/g, "-");
  return `<E${session.message.messageId}${text === "" ? "" : `.${text}`}@${host}>`;
}

async function expanded(name: string, expansion: Expansion | undefined, session: AclSession): Promise<string> {
  if (expansion === undefined) return "";
  try {
    return textOf(await expansion.run(session.evaluation));
  } catch (error) {
    if (error instanceof ForcedFailure) return "";
    const reason = failureText(error);
    if (reason === undefined) throw error;
    session.log(["main", "panic"], `expansion of "${expansion.source}" (${name}) failed: ${reason}`);
    return "";
  }
}
