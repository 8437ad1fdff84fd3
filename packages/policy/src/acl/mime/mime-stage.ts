import { LineCursor, type OctetSource, TooManyPartsError, walkParts } from "@postbus/mail";
import { decodeWords } from "../../expansion/rfc2047.ts";
import type { AclAnswer } from "../answer.ts";
import type { SmtpAcls } from "../smtp/smtp-acls.ts";
import { CurrentPart, type WorkLimit } from "./current-part.ts";
import { forgetPart, setPartVariables } from "./part-variables.ts";
import type { ScanFiles } from "./scan-files.ts";

export interface MimeStage {
  /** The message as it came, from its header section on. */
  readonly source: OctetSource;
  readonly files: ScanFiles;
  /** What each ACL says. */
  trace?(answer: AclAnswer): void;
}

/** How often the message may be read by conditions: with five of them, and parts five deep, a third of it. */
const MAX_READINGS = 64;
/** A small message may be read more often. */
const FREE_OCTETS = 4 * 1024 * 1024;
/** Messages within messages, all together. */
const MAX_MESSAGES = 1_000;

/**
 * Asks `acl_smtp_mime` about each part of a message that has a Content-Type, and of the messages within it (Exim's manual,
 * "Scanning MIME parts"). Behind `content`.
 *
 * @returns the answer about the first part that is refused or thrown away; undefined: there is none.
 * @throws {DeferError} a part cannot be read or written.
 */
export async function runMimeStage(
  acls: SmtpAcls,
  { source, files, trace }: MimeStage,
): Promise<AclAnswer | undefined> {
  const { message } = acls.session;
  const isMime = (message.content?.headers.occurrences("content-type").length ?? 0) > 0;
  if (!acls.has("mime") || !isMime || message.recipients.length === 0) return undefined;
  const limit: WorkLimit = { left: MAX_READINGS * (message.content?.size ?? 0) + FREE_OCTETS, nextFile: 0 };
  const waiting: string[] = [];
  let messages = 0;
  let answer: AclAnswer | undefined;

  const walk = async (from: OctetSource, isInMessage: boolean): Promise<void> => {
    const cursor = new LineCursor(from);
    try {
      await walkParts(cursor, decodeName, {
        async part(part) {
          setPartVariables(part, isInMessage, message.found);
          message.part = new CurrentPart(part, from, files, message, limit);
          const said = await acls.part("mime");
          trace?.(said);
          message.part = undefined;
          if (said.verdict !== "accept") answer = said;
          return answer === undefined;
        },
        async message(part) {
          if (++messages > MAX_MESSAGES) throw new TooManyPartsError(`more than ${MAX_MESSAGES} messages in a message`);
          const name = `__rfc822_${messages}`;
          await new CurrentPart(part, from, files, message, limit).writeMessage(name);
          waiting.push(name);
        },
      });
    } finally {
      message.part = undefined;
      await cursor.close();
    }
  };

  try {
    await walk(source, false);
    const count = message.found.get("mime_part_count") ?? -1;
    for (let name = waiting.shift(); name !== undefined && answer === undefined; name = waiting.shift()) {
      await walk(files.source(name), true);
      message.found.set("mime_part_count", count);
      await files.remove(name);
    }
  } catch (error) {
    if (!(error instanceof TooManyPartsError)) throw error;
    answer = refusal(error.message);
    trace?.(answer);
  }
  forgetPart(message.found);
  // What a `discard` has to say is not for the client.
  return answer?.verdict === "discard" ? { ...answer, reply: undefined } : answer;
}

const decodeName = (text: string): string => decodeWords(text, undefined, undefined, " ");

const refusal = (log: string): AclAnswer => ({
  verdict: "refuse",
  reply: { code: 550, lines: ["Administrative prohibition"] },
  isTemporary: false,
  log,
  logTargets: undefined,
  record: { stage: "mime", verdict: "no", statements: [], log },
});
