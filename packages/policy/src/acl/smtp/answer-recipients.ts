import type { Reply } from "@postbus/mail";
import type { AclAnswer } from "../answer.ts";
import type { SmtpAcls } from "./smtp-acls.ts";

/** Where what is said goes. */
export interface Talk {
  /** To the client, at once. A promise: it does not read, and is to be waited for. */
  readonly say: (reply: Reply) => Promise<void> | undefined;
  /** To the log, about the message. */
  readonly log: (text: string) => void;
  /** What the policy has decided. */
  readonly trace?: (answer: AclAnswer) => void;
}

const BEGINNING: Reply = { code: 353, lines: ["PRDR content analysis beginning"] };

const WORDS = {
  accept: { code: 250, words: "acceptance" },
  discard: { code: 250, words: "acceptance" },
  defer: { code: 450, words: "temporary refusal" },
  refuse: { code: 550, words: "refusal" },
} as const;
type Verdict = keyof typeof WORDS;

/** The answer for all, behind those for each. */
interface AnswerForAll {
  /** Due if the DATA ACL has nothing against it. */
  readonly reply: Reply;
  /** Nobody was accepted, not even to throw the message away. */
  readonly isRefusal: boolean;
}

/**
 * The answers to a transaction whose client wants one for each recipient (draft-hall-prdr-00), when the content is there,
 * in the words of Exim. Each is said when it is known. Who is not accepted is no recipient of the message any more.
 *
 * @returns Undefined: there is one answer only, because nobody has asked for more, or since there is only one recipient.
 */
export async function answerRecipients(acls: SmtpAcls, { say, log, trace }: Talk): Promise<AnswerForAll | undefined> {
  const { message } = acls.session;
  if (!message.isPrdr || !acls.has("data_prdr")) return undefined;
  if (message.recipients.length < 2) {
    message.isPrdr = false;
    return undefined;
  }
  const counts = { accept: 0, discard: 0, defer: 0, refuse: 0 };
  await say(BEGINNING);
  for await (const { address, answer } of acls.recipientsOfContent()) {
    trace?.(answer);
    const verdict = verdictOf(answer);
    counts[verdict] += 1;
    const { code, words } = WORDS[verdict];
    const usual = `PRDR R=<${address}> ${words}`;
    log(answer.log === undefined ? usual : `PRDR ${address} ${answer.log}`);
    await say(answer.reply ?? { code, lines: [usual] });
  }
  return { reply: lastReply(counts, message.messageId), isRefusal: counts.accept + counts.discard === 0 };
}

function verdictOf({ verdict, isTemporary }: AclAnswer): Verdict {
  if (verdict === "accept" || verdict === "discard") return verdict;
  return isTemporary ? "defer" : "refuse";
}

/**
 * As in Exim it is 250 as soon as somebody has to be tried again: a client takes another one for all recipients. Unlike
 * there, messages that are thrown away look like any others.
 */
function lastReply({ accept, discard, defer, refuse }: Readonly<Record<Verdict, number>>, id: string): Reply {
  if (defer + refuse === 0 && (discard === 0 || accept === 0))
    return { code: 250, lines: [`id=${id} message accepted`] };
  if (accept + defer === 0) return { code: 550, lines: [`id=${id} message rejected for all recipients`] };
  return { code: 250, lines: [`id=${id} message accepted for some recipients`] };
}
