import type { Reply } from "@postbus/mail";
import { parseRcpt } from "../path-command.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";
import { afterWord } from "./after-word.ts";
import { askPath } from "./ask-path.ts";

/** RFC 5321 §4.1.1.3. */
export function rcpt(core: SessionCore, argument: string): SessionStep | undefined {
  core.isLastRcpt = true;
  const path = afterWord(argument, "TO:");
  if (path === undefined) return core.unknownCommand();
  if (core.transaction === undefined) return withoutSender(core);
  return path === "" ? readRcpt(core, "") : askPath(core, "RCPT", path, readRcpt);
}

function readRcpt(core: SessionCore, path: string): SessionStep | undefined {
  const { transaction } = core;
  if (transaction === undefined) return withoutSender(core);
  const command =
    path === ""
      ? replies.rcptOperandMissing
      : parseRcpt(path, core.pathRules(core.standing.mayOmitRecipientDomain, transaction.isUtf8));
  if (!("address" in command)) {
    core.noteRefusedRecipient(ownWords("kind" in command ? command.reply : command));
    return "kind" in command ? core.unqualified(command) : core.protocolError(command);
  }
  transaction.rcptCommands += 1;
  if (transaction.rcptCommands > core.profile.recipientsMax) {
    const { refusesTooManyRecipients } = core.profile;
    const answer = refusesTooManyRecipients ? replies.tooManyRecipientsForGood : replies.tooManyRecipients;
    core.say(answer);
    core.noteRefusedRecipient(ownWords(answer));
    // Told once: there may be any number of them.
    if (!refusesTooManyRecipients && transaction.rcptCommands === core.profile.recipientsMax + 1) {
      core.refused = { kind: "refused", stage: "session", reply: answer, command: core.line };
    }
    return core.mustNotBePipelined();
  }
  if (!core.maySendMore()) return undefined;
  return core.ask({ kind: "recipient", ...command }, "recipient asked");
}

/** In a pipelined group behind a refused MAIL, RCPT is no fault of the client. */
function withoutSender(core: SessionCore): undefined {
  core.noteRefusedRecipient(ownWords(replies.senderNotYetGiven));
  if (core.mayPipeline && core.isMailRefused) return void core.say(replies.senderNotYetGiven);
  core.isLastRcpt = false;
  return core.protocolError(replies.senderNotYetGiven);
}

/** What the session itself has said to RCPT, as Exim repeats it: with the code. */
const ownWords = ({ code, lines }: Reply): string[] => lines.map((line) => `${code} ${line}`);
