import type { Socket } from "node:net";
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import type { ClientSessionOptions } from "@postbus/smtp";
import type { AttemptEvents } from "../events/attempt-events.ts";
import type { ClientContexts } from "./client-contexts.ts";
import type { SmtpConnection } from "./connection.ts";
import type { DeadlineSweep } from "./deadline-sweep.ts";
import { hopLabel, type NextHop } from "./next-hop.ts";
import type { ProxiedSocket } from "./proxied-socket.ts";
import type { SessionPlace } from "./tls-sessions.ts";

/** What a connection is to be, and whom it tells what becomes of it. */
export interface ConnectionOptions {
  readonly hop: NextHop;
  readonly transport: SmtpTransport;
  readonly terms: HostTerms;
  readonly tls: ClientSessionOptions["tls"];
  readonly requiresRequireTls: boolean;
  /** The peer has to show that it is the right one, whatever the terms say. */
  readonly isVerified: boolean;
  readonly contexts: ClientContexts;
  /** Of TLS with the host; absent: each connection begins anew. */
  readonly sessions?: SessionPlace | undefined;
  /** A connection that is there already, through a proxy. */
  readonly proxied?: Extract<ProxiedSocket, { readonly socket: Socket }> | undefined;
  readonly sweep: DeadlineSweep;
  /** Of the message for which it is opened; absent: the transport has no `event_action`. */
  readonly events?: AttemptEvents | undefined;
  /** The peer has settled a message, and can go on. @param replyMs From the final dot to its reply, if there was a dot. */
  readonly onAnswered: (replyMs: number | undefined) => void;
  /** It may carry somebody else's message. */
  readonly onReleased: (connection: SmtpConnection) => void;
  /**
   * The final dot is about to be sent. Somebody who waits may be given the connection now.
   *
   * @returns whether somebody was; who will call `transact` in this turn of the event loop.
   */
  readonly onFinalDot: (connection: SmtpConnection) => boolean;
  /** The connection is gone, for whatever reason; called once. */
  readonly onClosed: (connection: SmtpConnection) => void;
}

/** What its session is to be. */
export function sessionOptions({
  hop,
  transport,
  terms,
  tls,
  requiresRequireTls,
}: Pick<ConnectionOptions, "hop" | "transport" | "terms" | "tls" | "requiresRequireTls">): ClientSessionOptions {
  return {
    heloName: terms.heloName,
    host: hopLabel(hop),
    tls,
    requiresRequireTls,
    isLmtp: transport.isLmtp,
    startsWithTls: transport.startsWithTls,
    avoidsEsmtp: terms.avoidsEsmtp,
    avoidsPipelining: terms.avoidsPipelining,
    triesChunking: terms.triesChunking,
    triesPrdr: terms.triesPrdr,
    waitsForTls: !transport.triesClear,
    auth: terms.auth,
    sizeAddition: transport.sizeAddition,
    ignoresQuota: transport.ignoresQuota,
  };
}
