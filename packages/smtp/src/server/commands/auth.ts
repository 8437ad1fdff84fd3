import { trimStart } from "@postbus/mail";
import { watchedAnswer } from "../line-observer.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";

/**
 * RFC 4954 §4: of a line behind a challenge, CRLF included. There are clients whose tokens (RFC 7628) stand in a command as
 * long as that, though RFC 4954 §4 does not want it.
 */
export const MAX_AUTH_OCTETS = 12_288;

export function auth(core: SessionCore, argument: string): SessionStep | undefined {
  const [mechanism = "", initial] = trimStart(argument).split(/ +/);
  // What follows may be a password.
  core.line = mechanism === "" ? "AUTH" : `AUTH ${mechanism}`;
  const { mechanisms, mayAuthenticateUnasked } = core.standing;
  if ((mechanisms === "" || !core.isExtended) && !mayAuthenticateUnasked) {
    return core.protocolError(replies.authNotAdvertised);
  }
  // RFC 4954 §4
  if (core.isAuthenticated) return core.protocolError(replies.alreadyAuthenticated);
  if (core.transaction !== undefined) return core.protocolError(replies.authInTransaction);
  return core.ask({ kind: "auth", mechanism, initial }, "auth asked");
}

/** Never in a log: it may be a password. */
export function authLine(core: SessionCore): SessionStep | undefined {
  const line = core.input.line(MAX_AUTH_OCTETS);
  if (line === "incomplete") return { kind: "read" };
  if (line === "too long") return core.close(replies.lineTooLong, "command line without end");
  if (core.observer?.isWatching === true) core.observer.line(watchedAnswer);
  return core.ask({ kind: "auth line", line: line.text }, "auth asked");
}
