import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";

/** RFC 5321 §4.1.1.4. */
export function data(core: SessionCore, argument: string): SessionStep | undefined {
  const isBehindRcpt = core.isLastRcpt;
  core.isLastRcpt = false;
  core.isMailRefused = false;
  if (argument !== "") return core.protocolError(replies.unexpectedArgument);
  if (core.transaction === undefined || core.transaction.recipients === 0) {
    return contentWithoutRecipients(core, "DATA", isBehindRcpt);
  }
  if (hasTooMany(core)) return refuseTooMany(core);
  return core.ask({ kind: "data", isChunked: false }, "data asked");
}

/** More recipients were named than may be, and the message is not for those who were taken either. */
export const hasTooMany = ({ transaction, profile }: SessionCore): boolean =>
  profile.refusesTooManyRecipients && (transaction?.rcptCommands ?? 0) > profile.recipientsMax;

/** @param hasEnded There is no more of that message. */
export function refuseTooMany(core: SessionCore, hasEnded = true): undefined {
  if (hasEnded) core.forgetTransaction();
  core.say(replies.messageForTooMany);
  core.refused = { kind: "refused", stage: "session", reply: replies.messageForTooMany, command: core.line };
}

/**
 * As Exim: the refusal that all recipients met is repeated, and in a pipelined group DATA is no fault of the client.
 *
 * @param isBehindRcpt No other command was between.
 */
export function contentWithoutRecipients(core: SessionCore, verb: "DATA" | "BDAT", isBehindRcpt: boolean): undefined {
  const same = core.sameRefusal ?? [];
  if (same.length > 0 && !core.standing.wantsSingleLines) {
    const why: [string, ...string[]] = [replies.allRecipientsRefused, ...same];
    core.output += core.profile.format.own({ code: 503, status: "5.5.1", lines: why }).replaceAll(/^503 /gm, "503-");
  }
  if (core.mayPipeline && isBehindRcpt) return void core.say(replies.noRecipientWith[verb]);
  return core.protocolError(replies.recipientMustPrecede[verb]);
}
