import type { TLSSocket } from "node:tls";

/** Protocol, cipher and key bits as Exim logs them (`X=`): `TLS1.3:TLS_AES_256_GCM_SHA384:256`. */
export function cipherText(socket: Pick<TLSSocket, "getProtocol" | "getCipher">): string {
  const protocol = (socket.getProtocol() ?? "TLS").replace(/^TLSv/, "TLS");
  const { name } = socket.getCipher();
  return `${protocol}:${name}:${keyBits(name)}`;
}

/** Ciphers carry the length of their key in their name; ChaCha20's is always 256 (RFC 8439 §2.3). */
function keyBits(cipher: string): number {
  if (cipher.includes("CHACHA20")) return 256;
  return Number(/AES_?(128|256)/.exec(cipher)?.[1] ?? 0);
}
