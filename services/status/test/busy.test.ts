import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { startFixture } from "./fixture.ts";

/** More than are answered at one time. */
const CLIENTS = 80;

test("clients that go away before they have an answer give their places back", { timeout: 60_000 }, async (t) => {
  const { app, bus, stop } = await startFixture();
  t.after(stop);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1/queue?limit=0`;
  const { counts } = bus.waiting;
  bus.waiting.counts = () => new Promise(() => {});
  const sockets = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.write("GET /v1/queue?limit=0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
      return socket;
    }),
  );
  // Those beyond the limit are told so at once: then all others are in work.
  await Promise.any(sockets.map((socket) => once(socket, "data")));
  for (const socket of sockets) socket.destroy();
  bus.waiting.counts = counts.bind(bus.waiting);
  let status = 0;
  for (const end = performance.now() + 20_000; status !== 200 && performance.now() < end; ) {
    status = (await fetch(url)).status;
  }
  assert.equal(status, 200);
});
