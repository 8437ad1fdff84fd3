import { type EnhancedStatus, formatReply, type Reply } from "@postbus/mail";
import * as replies from "./replies.ts";

/** How a server writes its replies: with enhanced status codes (RFC 2034) or without. */
export interface ReplyFormat {
  /** A reply of the session's own: without a status code where they are not offered. */
  own(answer: Reply): string;
  /** A reply that somebody else has made: what status code it has, it keeps; one that lacks it gets a general one. */
  given(answer: Reply): string;
}

export function replyFormat(offersStatus: boolean): ReplyFormat {
  const write = (answer: Reply): string =>
    formatReply(offersStatus ? answer : { code: answer.code, lines: answer.lines });
  const kept = new Map<Reply, string>();
  for (const answer of Object.values(replies)) {
    if (typeof answer === "object" && "code" in answer) kept.set(answer, write(answer));
  }
  return {
    own: (answer) => kept.get(answer) ?? write(answer),
    given: (answer) => kept.get(answer) ?? formatReply(offersStatus ? withStatus(answer) : answer),
  };
}

/** RFC 2034 §3 wants a status code in every 2yz, 4yz and 5yz; `x.0.0` says no more than the class (RFC 3463 §3.1). */
function withStatus(answer: Reply): Reply {
  const status = `${Math.floor(answer.code / 100)}.0.0`;
  return answer.status === undefined && isStatus(status) ? { ...answer, status } : answer;
}

const isStatus = (text: string): text is EnhancedStatus => /^[245]\./.test(text);
