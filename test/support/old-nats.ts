import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Scope } from "./fixture.ts";

/** Says what a NATS server of that version says to a new client, and answers pings. @returns its URL. */
export async function startOldNats(scope: Scope, version: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy()); // The client leaves when it has seen the version.
    const info = {
      server_id: "X",
      server_name: "old",
      version,
      headers: true,
      max_payload: 1_048_576,
      jetstream: true,
    };
    socket.write(`INFO ${JSON.stringify({ ...info, proto: 1, host: "127.0.0.1", port: 4222 })}\r\n`);
    socket.on("data", (data) => {
      if (data.includes("PING")) socket.write("PONG\r\n");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => server.close());
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
