import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startFixture } from "./fixture.ts";

/** More than are answered at one time. */
const CLIENTS = 80;

test("clients that go away before they have an answer give their places back", { timeout: 180_000 }, async (t) => {
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

test("clients that are slow with the body take nobody's place, and their time ends", {
  timeout: 180_000,
}, async (t) => {
  const { app, stop } = await startFixture();
  t.after(stop);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      const head = "POST /v1/policy/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
      socket.write(`${head}Content-Length: 500\r\n\r\n{`);
      return { socket, answer: text(socket) };
    }),
  );
  assert.equal((await fetch(`http://127.0.0.1:${port}/v1/queue?limit=0`)).status, 200);
  for (const { answer } of answers) {
    assert.match(await answer, /^HTTP\/1\.1 408 .*\r\n\r\n\{"code":"BAD_REQUEST","message":"[^"]*"\}$/s);
  }
});

for (const [what, request, status, code] of [
  ["no HTTP", "hello\r\n\r\n", 400, "BAD_REQUEST"],
  [
    "a header that is too large",
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    431,
    "BAD_REQUEST",
  ],
  [
    "a path that cannot be decoded",
    "GET /v1/% HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    400,
    "BAD_REQUEST",
  ],
] as const) {
  test(`${what} gets a problem like any other`, { timeout: 180_000 }, async (t) => {
    const { app, stop } = await startFixture();
    t.after(stop);
    await app.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(request);
    const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
    assert.ok(head.startsWith(`HTTP/1.1 ${status} `), head);
    const problem = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual([Object.keys(problem), problem["code"]], [["code", "message"], code]);
  });
}
