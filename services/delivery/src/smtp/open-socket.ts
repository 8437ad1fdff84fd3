import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import type { Loss } from "@postbus/smtp";
import { systemError } from "../system-error.ts";
import { localEnd } from "./host-facts.ts";
import type { NextHop } from "./next-hop.ts";

/** Replies are short; whatever is larger comes in more than one read. */
const READ_BUFFER_OCTETS = 4 * 1024;

/** Begins to connect to a host. @param received Its octets, which are overwritten by the next ones. */
export function openSocket(
  { address: host, port }: NextHop,
  { keepsAlive, dscp }: Pick<SmtpTransport, "keepsAlive" | "dscp">,
  { interfaces }: Pick<HostTerms, "interfaces">,
  received: (octets: Buffer) => boolean,
): Socket {
  const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_OCTETS);
  const localAddress = localEnd(interfaces, host);
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: keepsAlive,
    ...(localAddress === undefined ? {} : { localAddress }),
    // One small buffer for the life of the connection, instead of 64 KiB from the system for each read.
    onread: { buffer: readBuffer, callback: (length) => received(readBuffer.subarray(0, length)) },
  });
  // Two more bits of that octet are not ours (RFC 3168).
  return dscp === undefined ? socket : socket.setTypeOfService(dscp << 2);
}

/** Tells how a connection ends, or why there is none. More than once. */
export function watchSocket(socket: Socket, lost: (loss: Loss) => void): void {
  const closed = () => lost({ kind: "closed" });
  socket.on("end", closed);
  socket.on("close", closed);
  socket.on("error", (err) => {
    const { errno, text } = systemError(err) ?? { errno: constants.errno.EIO, text: err.message };
    lost({ kind: "error", errno, text });
  });
}

/** Exim, too, takes these two for a close by the peer. */
export const isClose = (loss: Loss): boolean =>
  loss.kind === "error" && (loss.errno === constants.errno.ECONNRESET || loss.errno === constants.errno.EPIPE);
