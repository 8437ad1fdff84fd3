import { createServer, type Server, type TLSSocket } from "node:tls";
import type { HelloWishes } from "../hello-wishes.ts";
import type { TlsContext } from "../tls-context.ts";
import { chosenCertificate } from "./chosen-certificate.ts";
import { proofFaultAt } from "./ocsp-proof.ts";

/** What became of a client's wish for a proof, as in Exim's `$tls_in_ocsp`: it had none, there was none, it was given one. */
export type OcspResult = "not requested" | "no response" | "stapled";

/** Nobody listens at it; it shows that somebody listens for requests. */
const asked: Server = createServer();
asked.on("OCSPRequest", () => undefined);

/**
 * Answers a client that asks for the proof of a certificate (RFC 6066 §8) while its handshake runs, of what is in memory.
 * Without one, or with one that has expired since, the handshake goes on without.
 *
 * Node.js asks a server, and does not say for which socket. So each socket has a server of its own: an object that differs
 * from the shared one in nothing but in what it does with an event.
 *
 * @param hello The client's, if somebody has read it.
 * @param socket The one that handshakes; it is there when somebody asks.
 */
export function stapleRequests(
  { staples, isByClientsOrder }: TlsContext,
  hello: HelloWishes | undefined,
  socket: () => TLSSocket,
  onResult: (result: OcspResult) => void,
): Server {
  const emit = (event: string, ...values: readonly unknown[]): boolean => {
    const answer = values[2];
    if (event !== "OCSPRequest" || typeof answer !== "function") return false;
    const proof = chosenCertificate(socket(), {
      certificates: certificatesOf(staples),
      isByClientsOrder,
      hello,
    })?.staple.proof;
    const isShown = proof !== undefined && proofFaultAt(proof, Date.now()) === undefined;
    onResult(isShown ? "stapled" : "no response");
    answer(null, isShown ? proof.der : null);
    return true;
  };
  return Object.create(asked, { emit: { value: emit } });
}

const certificatesOf = (staples: TlsContext["staples"]) =>
  staples.map((staple) => ({ leaf: staple.certificate.leaf, staple }));
