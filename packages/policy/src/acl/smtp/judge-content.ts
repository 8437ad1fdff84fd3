import type { Reply } from "@postbus/mail";
import type { AclAnswer } from "../answer.ts";
import { answerRecipients, type Talk } from "./answer-recipients.ts";
import type { SmtpAcls } from "./smtp-acls.ts";

/** What the policy says to a message. */
interface Judgement {
  /** Undefined: nobody is left who would get it, and the reply says so. */
  readonly answer: AclAnswer | undefined;
  /** Nobody was ever to get it. */
  readonly isRefusal: boolean;
  /** Undefined: the usual words for the answer. */
  readonly reply: Reply | undefined;
}

/** Shows the whole message, which is in the session, to the ACLs that are about it, in Exim's order. */
export async function judgeContent(acls: SmtpAcls, talk: Talk): Promise<Judgement> {
  const { message } = acls.session;
  const toAll = await answerRecipients(acls, talk);
  if (toAll !== undefined && message.recipients.length === 0) return { answer: undefined, ...toAll };
  const answer = await acls.data();
  talk.trace?.(answer);
  const isAccepted = answer.verdict === "accept" || answer.verdict === "discard";
  // As in Exim, the words of the ACL do not count where each recipient has had its own; those of a faked refusal do.
  const isToAll = toAll !== undefined && isAccepted && message.controls.fake === undefined;
  return { answer, reply: isToAll ? toAll.reply : answer.reply, isRefusal: !isAccepted };
}
