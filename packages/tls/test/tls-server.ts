import { once } from "node:events";
import { createServer } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import {
  awaitClientHello,
  cipherText,
  handshakeProblem,
  type ServerHandshake,
  startServerTls,
  type Verification,
} from "../src/index.ts";

/** What the two sides have seen of a handshake. */
export interface Met {
  /** Protocol, cipher, bits; undefined: the handshake has failed. */
  readonly cipher: string | undefined;
  /** Type of the key of the certificate that the server has shown. */
  readonly keyType: string | undefined;
  readonly protocol: string | false | null | undefined;
  readonly hasTicket: boolean;
  readonly verification: Verification | undefined;
  /** What the server says went wrong. */
  readonly problem: string | undefined;
  /** Subject of the certificate that the client was shown. */
  readonly subject: string | undefined;
  /** The proof that it was shown; null: none, though it has asked. */
  readonly staple: Buffer | null | undefined;
}

/** Lets a client meet a server, once; both are closed afterwards. */
export async function meet(handshake: ServerHandshake, options: ConnectionOptions = {}): Promise<Met> {
  const seen = Promise.withResolvers<Pick<Met, "verification" | "problem"> & { server?: TLSSocket }>();
  await using server = createServer(async (socket) => {
    const hello = await awaitClientHello(socket);
    const secured = startServerTls(socket, { ...handshake, hello }, (verification) => {
      seen.resolve({ server: secured, verification, problem: undefined });
    });
    const fail = (problem: string) => seen.resolve({ verification: undefined, problem });
    secured.on("error", (err) => fail(handshakeProblem(err)));
    secured.on("close", () => fail("closed"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const client = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  // What it meets is looked at from the server's side.
  client.on("error", () => undefined);
  let staple: Buffer | null | undefined;
  client.on("OCSPResponse", (response: Buffer | null) => {
    staple = response;
  });
  const isSecure = once(client, "secureConnect").catch(() => undefined);
  const { server: secured, verification, problem } = await seen.promise;
  if (secured !== undefined) await isSecure;
  const met: Met = {
    cipher: secured && cipherText(secured),
    keyType: secured?.getX509Certificate()?.publicKey.asymmetricKeyType,
    protocol: secured?.alpnProtocol,
    hasTicket: (client.getTLSTicket()?.length ?? 0) > 0,
    verification,
    problem,
    subject: client.getPeerX509Certificate()?.subject,
    staple,
  };
  client.destroy();
  secured?.destroy();
  return met;
}
