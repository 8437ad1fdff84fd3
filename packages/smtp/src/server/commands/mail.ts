import { reply } from "@postbus/mail";
import { parseMail } from "../path-command.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";
import { afterWord } from "./after-word.ts";
import { askPath } from "./ask-path.ts";

/** RFC 5321 §4.1.1.2. */
export function mail(core: SessionCore, argument: string): SessionStep | undefined {
  core.isLastRcpt = false;
  core.isMailRefused = true;
  const path = afterWord(argument, "FROM:");
  if (path === undefined) return core.unknownCommand();
  core.limits.noteMail();
  if (core.lacksHello) return core.protocolError(replies.heloRequired, true);
  if (core.transaction !== undefined) return core.protocolError(replies.senderAlreadyGiven);
  core.sameRefusal = undefined;
  if (path === "") return core.protocolError(reply(501, "5.5.4", "MAIL must have an address operand"));
  if (core.limits.hasTooManyMails(core.profile.mailMax)) return core.close(replies.tooManyMessages);
  return askPath(core, "MAIL", path, readMail);
}

function readMail(core: SessionCore, path: string): SessionStep | undefined {
  const acceptsUtf8 = core.isExtended && core.offers?.smtpUtf8 === true;
  const command = parseMail(path, core.pathRules(core.standing.mayOmitSenderDomain, acceptsUtf8));
  if ("kind" in command) return core.unqualified(command);
  if ("code" in command) return core.protocolError(command);
  const { messageSizeLimit } = core.profile;
  if (messageSizeLimit > 0 && command.size !== undefined && command.size > messageSizeLimit) {
    core.say(replies.messageTooBig);
    core.refused = { kind: "refused", stage: "session", reply: replies.messageTooBig, command: core.line };
    return core.mustNotBePipelined();
  }
  if (!core.maySendMore()) return undefined;
  core.mail = { isUtf8: command.smtpUtf8 === true, isPrdr: command.prdr === true };
  return core.ask({ kind: "mail", ...command }, "mail asked");
}
