import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { ConfigError } from "@postbus/mail";
import type { SmtpTransport } from "@postbus/policy";
import { errnos } from "@postbus/smtp";
import type { AttemptEvents } from "../events/attempt-events.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import type { OpenFailure } from "./open-failure.ts";
import { type HandshakeEnd, type HandshakeTerms, tlsOver } from "./tls-over.ts";

/** What whoever wants TLS is told. */
export interface TlsListener {
  started(socket: TLSSocket): void;
  ended(end: HandshakeEnd): void;
  /** Our own files are at fault. */
  unable(failure: OpenFailure): void;
  /** The program is. */
  broken(err: unknown): void;
  /** Whether the connection is still there. */
  isNeeded(): boolean;
}

interface Wants extends Pick<ConnectionOptions, "hop" | "terms" | "isVerified" | "contexts" | "sessions"> {
  readonly transport: Pick<SmtpTransport, "minDhBits">;
  /** Who is asked about certificates. */
  readonly events?: Pick<AttemptEvents, "certificate"> | undefined;
}

/** Begins TLS with a host, as the terms have it, when the files for it are read. */
export function startTls(socket: Socket, wants: Wants, listener: TlsListener): void {
  const { terms, isVerified, contexts } = wants;
  const shakeHands = (context: SecureContext): void => {
    if (listener.isNeeded()) {
      listener.started(tlsOver(socket, handshakeTerms(wants, context), (end) => listener.ended(end)));
    }
  };
  // Clear text instead would be what nobody has asked for.
  const failed = (err: unknown): void => {
    if (!(err instanceof ConfigError)) {
      listener.broken(err);
      return;
    }
    const text = `TLS session: ${err.message}`;
    listener.unable({ errno: errnos.tls, text, isPermanent: false, isTls: false, isConnect: false });
  };
  try {
    const looks = isVerified || terms.verification !== "none";
    const context = contexts(looks ? terms : { ...terms, authorities: "", revocations: undefined });
    if (context instanceof Promise) context.then(shakeHands).catch(failed);
    else shakeHands(context);
  } catch (err) {
    failed(err);
  }
}

function handshakeTerms(
  { hop, transport, terms, isVerified, events, sessions }: Wants,
  context: SecureContext,
): HandshakeTerms {
  const { name } = hop;
  return {
    context,
    minDhBits: transport.minDhBits,
    protocols: terms.protocols,
    requiresProtocol: terms.requiresProtocol,
    verification: isVerified ? "required" : terms.verification,
    serverName: terms.serverName ?? name,
    hostName: isVerified || terms.verifiesName ? name : undefined,
    judge: events && ((depth, certificate) => events.certificate(hop, depth, certificate)),
    sessions,
  };
}
