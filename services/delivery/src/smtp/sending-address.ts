import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";

/** The address that the system would connect from: a datagram socket that is connected, and sends nothing. Empty: no way leads there. */
export async function sendingAddress({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): Promise<string> {
  const socket = createSocket(isIPv4(address) ? "udp4" : "udp6");
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("error", () => resolve(""));
  socket.connect(port, address, () => resolve(socket.address().address));
  try {
    return await promise;
  } finally {
    socket.close();
  }
}
