import type { Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";
import type { HelloWishes } from "./hello-wishes.ts";
import { type OcspResult, stapleRequests } from "./ocsp/staple-requests.ts";
import type { TicketKey } from "./ticket-key.ts";
import type { TlsContext } from "./tls-context.ts";

/** What a server's handshake is made with. */
export interface ServerHandshake {
  readonly context: TlsContext;
  /** What the client has said, if somebody has read it: see `awaitClientHello`. */
  readonly hello?: HelloWishes | undefined;
  /** Seals the tickets of a session that may be resumed, and opens the one that the client has. Default: none are given. */
  readonly ticketKey?: TicketKey | undefined;
  /** Whether the client is asked for a certificate, and has to have a good one. Default: no. */
  readonly clientCertificate?: "optional" | "required" | undefined;
  /** Protocols that a client which names one must name (ALPN, RFC 7301), and then that one alone. Default: any. */
  readonly protocols?: readonly string[] | undefined;
  /** A client that names none is turned away. Default: no. */
  readonly requiresProtocol?: boolean | undefined;
}

/** A fatal `internal_error` (RFC 8446 §6.2) to a client whose hello was not answered yet. */
export const internalErrorAlert: Readonly<Uint8Array> = Uint8Array.of(21, 3, 3, 0, 2, 2, 80);

/** How the client's certificate was found, and what else a handshake has shown. */
export interface Verification {
  readonly isVerified: boolean;
  /** OpenSSL's name for what is wrong with it: `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly problem: string | undefined;
  /** Whether the client wanted a proof that our certificate is not revoked. */
  readonly ocsp: OcspResult;
  /** The session is one that was resumed; undefined: none may be. */
  readonly isResumed: boolean | undefined;
}

/**
 * Turns an accepted connection into the server's end of a TLS connection. Octets that the socket still holds, paused, are
 * the beginning of the handshake.
 *
 * @param onSecure The handshake is done. If it fails, the returned socket raises `error`, closes, or both.
 */
export function startServerTls(
  socket: Socket,
  handshake: ServerHandshake,
  onSecure: (verification: Verification) => void,
): TLSSocket {
  const { context, clientCertificate, protocols, requiresProtocol = false, hello, ticketKey } = handshake;
  const resumable = ticketKey && context.resumable?.with(ticketKey);
  const options: TLSSocketOptions & Pick<Alpn, "ALPNCallback"> = {
    isServer: true,
    secureContext: resumable ?? context.secureContext,
    requestCert: clientCertificate !== undefined,
    rejectUnauthorized: clientCertificate === "required",
  };
  if (protocols !== undefined && protocols.length > 0) {
    // Several names at once are a client that speaks something else as well (the ALPACA attack): Exim's manual, "tls_alpn".
    options.ALPNCallback = ({ protocols: offered }) => {
      const [only] = offered;
      return offered.length === 1 && only !== undefined && protocols.includes(only) ? only : undefined;
    };
  }
  let ocsp: OcspResult = "not requested";
  if (context.staples.length > 0) {
    options.server = stapleRequests(
      context,
      hello,
      () => secured,
      (result) => {
        ocsp = result;
      },
    );
  }
  const secured = new TLSSocket(socket, options);
  secured.once("secure", () => {
    // `false`, or null behind a callback that was not asked.
    if (requiresProtocol && typeof secured.alpnProtocol !== "string") {
      secured.destroy(new Error("ALPN required but not negotiated"));
      return;
    }
    const isResumed = resumable && secured.isSessionReused();
    const verification = { ...verificationOf(secured, clientCertificate !== undefined), ocsp, isResumed };
    if (clientCertificate !== "required" || verification.isVerified) onSecure(verification);
    // The library lets it through and leaves the end to us.
    else secured.destroy(new Error(`certificate verification failed: ${verification.problem}`));
  });
  return secured;
}

/** Missing in the types of a single socket's options. */
interface Alpn {
  ALPNCallback?: (client: { readonly servername: string; readonly protocols: readonly string[] }) => string | undefined;
}

/**
 * Node.js tells the result (`authorized`) only of connections that its own `tls.Server` has accepted, and asks this handle
 * for it. Where a version does not have it, nobody is verified.
 */
function verificationOf(socket: TLSSocket, isAsked: boolean): Found {
  if (!isAsked || socket.getPeerX509Certificate() === undefined) {
    return { isVerified: false, problem: isAsked ? "no certificate was given" : undefined };
  }
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  if (typeof handle !== "object" || handle === null || !("verifyError" in handle)) return UNKNOWN;
  if (typeof handle.verifyError !== "function") return UNKNOWN;
  const found: unknown = handle.verifyError();
  if (found === undefined || found === null) return { isVerified: true, problem: undefined };
  return { isVerified: false, problem: found instanceof Error && "code" in found ? String(found.code) : String(found) };
}

type Found = Pick<Verification, "isVerified" | "problem">;

const UNKNOWN: Found = { isVerified: false, problem: "the result is not known" };
