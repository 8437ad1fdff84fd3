import { errnos, type SessionFailure } from "@postbus/smtp";

/** Why no message can be offered over a connection: it, or its session, did not come about. */
export interface OpenFailure extends SessionFailure {
  /** TCP did not get through; there is no host to be named in the log line. */
  readonly isConnect: boolean;
}

/** The peer has taken leave behind its reply to EHLO. */
export const CLOSED_AT_ONCE: OpenFailure = {
  errno: errnos.closed,
  text: "Remote host closed connection",
  isPermanent: false,
  isTls: false,
  isConnect: false,
};
