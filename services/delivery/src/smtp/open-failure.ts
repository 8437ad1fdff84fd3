import { errnos, type SessionFailure } from "@postbus/smtp";
import type { HostFacts } from "./host-facts.ts";

/** Why no message can be offered over a connection: it, or its session, did not come about. */
export interface OpenFailure extends SessionFailure {
  /** TCP did not get through; there is no host to be named in the log line. */
  readonly isConnect: boolean;
  /** What the log says of it, where that is not the text. */
  readonly logged?: string;
  /** Of the connection, as far as it came. */
  readonly facts?: HostFacts;
  /** How the session began. */
  readonly steps?: string;
  /** Lines for the log, from before it failed. */
  readonly notes?: readonly string[];
}

/** The peer has taken leave behind its reply to EHLO. */
export const CLOSED_AT_ONCE: OpenFailure = {
  errno: errnos.closed,
  text: "Remote host closed connection",
  isPermanent: false,
  isTls: false,
  isConnect: false,
};

/** `tcp:connect`: the action says that there is to be no connection. */
export const REFUSED_BY_EVENT: OpenFailure = {
  errno: -58,
  text: "",
  logged: "Event requests alternate response",
  isPermanent: false,
  isTls: false,
  isConnect: true,
};
