import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { connect as connectTls, createSecureContext } from "node:tls";
import { makeCertificate } from "@postbus/testkit";
import { startServerTls } from "@postbus/tls";
import { type ProxyReading, readProxyHeader } from "../../src/proxy/read-proxy-header.ts";

const HEADER = Buffer.from("PROXY TCP4 198.51.100.7 203.0.113.9 40000 25\r\n");

test("a handshake that begins in the segment of the header is not lost", async (t) => {
  const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
  const [cert, key] = [await readFile(certificateFile), await readFile(privateKeyFile)];
  const context = {
    secureContext: createSecureContext({ cert, key }),
    resumable: undefined,
    isByClientsOrder: true,
    certificates: [],
    staples: [],
  };
  const readings: ProxyReading[] = [];
  const server = createServer((socket) =>
    readProxyHeader(socket, 60_000, (reading) => {
      readings.push(reading);
      const secured = startServerTls(socket, { context }, () => secured.end("220 mx.test\r\n"));
      secured.resume();
    }),
  );
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  let hasBegun = false;
  const withHeader = new Duplex({
    read: () => undefined,
    write(octets: Buffer, _encoding, done) {
      socket.write(hasBegun ? octets : Buffer.concat([HEADER, octets]));
      hasBegun = true;
      done();
    },
  });
  socket.on("data", (octets) => withHeader.push(octets));
  const client = connectTls({ socket: withHeader, rejectUnauthorized: false });
  const [greeting] = await once(client, "data");
  assert.equal(String(greeting), "220 mx.test\r\n");
  assert.deepEqual(
    readings.map(({ kind }) => kind),
    ["header"],
  );
});
