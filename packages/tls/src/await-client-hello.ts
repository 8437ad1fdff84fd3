import type { Socket } from "node:net";
import { readClientHello } from "./client-hello.ts";
import type { HelloWishes } from "./hello-wishes.ts";

/**
 * Waits for a client's hello and reads it; undefined: what comes is none. All that was read is given
 * back to the socket, which is paused then. The owner has a deadline, and destroys the socket at it.
 *
 * @throws {Error} the client has gone.
 */
export function awaitClientHello(socket: Socket): Promise<HelloWishes | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<HelloWishes | undefined>();
  let parts: Buffer[] = [];
  let held = 0;
  let needed = 0;
  const stop = (): void => {
    socket.removeListener("data", onData);
    socket.removeListener("end", onGone);
    socket.removeListener("close", onGone);
  };
  const onGone = (): void => {
    stop();
    reject(new Error("the client has gone"));
  };
  const onData = (more: Buffer): void => {
    parts.push(more);
    held += more.length;
    // Single octets in thousands of packets must not make us look at all of them thousands of times.
    if (held < needed) return;
    const octets = Buffer.concat(parts);
    const hello = readClientHello(octets);
    if (hello !== "none" && "needs" in hello) {
      parts = [octets];
      needed = hello.needs;
      return;
    }
    stop();
    socket.pause().unshift(octets);
    resolve(hello === "none" ? undefined : hello);
  };
  socket.on("data", onData);
  socket.on("end", onGone);
  socket.on("close", onGone);
  socket.resume();
  return promise;
}
