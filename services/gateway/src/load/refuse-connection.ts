import type { Socket } from "node:net";
import type { ClientEndpoint } from "@postbus/policy";
import type { Turned } from "../admission.ts";
import type { Surroundings } from "../surroundings.ts";

export interface RefusalManner {
  /** The client waits for a handshake, and could not read a word. */
  readonly isTlsFirst: boolean;
  /** It is told nothing, and nobody is told of it: there are too many. To a client that is as good as 421. */
  readonly isSilent: boolean;
}

/** Turns away a connection with which nothing has been spoken yet. */
export function refuseConnection(
  socket: Socket,
  { address, port }: ClientEndpoint,
  { reason, text, log }: Turned,
  { metrics, policy, rejections, messageIds }: Surroundings,
  { isTlsFirst, isSilent }: RefusalManner,
): void {
  metrics.rejections.inc({ stage: "connect" });
  metrics.turnedAway.inc({ reason });
  // The client may be gone already, and that is all we want.
  socket.on("error", () => undefined);
  if (isSilent) {
    socket.resetAndDestroy();
    return;
  }
  if (!isTlsFirst) socket.write(`421 4.3.2 ${policy.primaryHostname} ${text}\r\n`, "latin1");
  socket.destroySoon();
  rejections.add({
    v: 1,
    id: `${messageIds.next()}/reject`,
    atMs: Date.now(),
    service: "gateway",
    name: "smtp:reject",
    clientAddress: address,
    clientPort: port,
    text: log,
    ofConnection: true,
  });
}
