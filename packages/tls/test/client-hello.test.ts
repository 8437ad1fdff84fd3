import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, Socket } from "node:net";
import { describe, test } from "node:test";
import { connect } from "node:tls";
import { makeCertificate } from "@postbus/testkit";
import { readClientHello } from "../src/client-hello.ts";
import { awaitClientHello, startServerTls, TlsContexts } from "../src/index.ts";

/** The hello of a real client. */
async function helloOf(servername: string, maxVersion: "TLSv1.2" | "TLSv1.3" = "TLSv1.3"): Promise<Buffer> {
  const hello = Promise.withResolvers<Buffer>();
  await using server = createServer((socket) => {
    socket.once("data", hello.resolve);
    socket.on("error", () => undefined);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const client = connect({ port: typeof address === "object" ? (address?.port ?? 0) : 0, servername, maxVersion });
  client.on("error", () => undefined);
  const octets = await hello.promise;
  client.destroy();
  return octets;
}

/** The same message, in records of so many octets. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
}

function needsOf(octets: Buffer): number {
  const hello = readClientHello(octets);
  assert.ok(hello !== "none" && "needs" in hello);
  return hello.needs;
}

function nameIn(octets: Buffer): string | undefined {
  const hello = readClientHello(octets);
  assert.ok(hello !== "none" && !("needs" in hello));
  return hello.serverName;
}

describe("a client's hello", () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`tells the name of the server, or that there is none (${maxVersion})`, async () => {
      assert.equal(nameIn(await helloOf("mx.test", maxVersion)), "mx.test");
      assert.equal(nameIn(await helloOf("", maxVersion)), undefined);
    });
  }

  test("tells cipher suites and groups, and no ticket where there is none", async () => {
    const hello = readClientHello(await helloOf("mx.test"));
    assert.ok(hello !== "none" && "ciphers" in hello);
    assert.ok(hello.ciphers.includes(0x1301) && hello.ciphers.includes(0xc02b));
    assert.ok(hello.groups.includes(23));
    assert.equal(hello.ticketName, undefined);
  });

  test("is incomplete until its last octet, wherever it is cut, and however many records it has", async () => {
    const hello = await helloOf("mx.test");
    for (const octets of [hello, inRecords(hello, 100), inRecords(hello, Math.ceil(hello.length / 16))]) {
      for (let length = 0; length < octets.length; length++) {
        const needs = needsOf(octets.subarray(0, length));
        assert.ok(needs > length && needs <= octets.length, `${length} of ${octets.length}: ${needs}`);
      }
      assert.equal(nameIn(octets), "mx.test");
      assert.equal(nameIn(Buffer.concat([octets, octets])), "mx.test");
    }
  });

  const wrong: readonly [name: string, octets: readonly number[]][] = [
    ["a command", [...Buffer.from("EHLO x\r\n")]],
    ["another record", [21, 3, 1, 0, 2, 2, 80]],
    ["an empty record", [22, 3, 1, 0, 0]],
    ["another message", [22, 3, 1, 0, 4, 2, 0, 0, 0]],
    ["a message without content", [22, 3, 1, 0, 4, 1, 0, 0, 0]],
    ["lengths beyond its end", [22, 3, 1, 0, 38, 1, 0, 0, 34, ...new Array<number>(34).fill(255)]],
  ];
  for (const [name, octets] of wrong) {
    test(`is not ${name}`, () => assert.equal(readClientHello(Buffer.from(octets)), "none"));
  }

  test("in more records than anybody needs is not looked into: each octet more would mean to look at all again", async () => {
    assert.equal(readClientHello(inRecords(await helloOf("mx.test"), 1)), "none");
  });

  test("that does not end is given up", () => {
    const record = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]), Buffer.alloc(0x4000 - 4)]);
    assert.ok(needsOf(record.subarray(0, 8)) < 100);
    assert.equal(readClientHello(Buffer.concat([record, record, record])), "none");
  });

  test("that comes in single octets is looked at seldom", async () => {
    const hello = await helloOf("mx.test");
    const octets = inRecords(hello, Math.ceil(hello.length / 16));
    let looks = 0;
    let needed = 0;
    for (let length = 1; length < octets.length; length++) {
      if (length < needed) continue;
      needed = needsOf(octets.subarray(0, length));
      looks += 1;
    }
    assert.ok(looks < 50, String(looks));
  });

  test("with any octet changed is read or not, and never throws", async () => {
    const hello = await helloOf("mx.test");
    for (let i = 0; i < hello.length; i++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(hello);
        changed[i] = value;
        const found = readClientHello(changed);
        assert.ok(found === "none" || "needs" in found || (found.serverName ?? "").length <= changed.length);
      }
    }
  });
});

describe("awaitClientHello", () => {
  const [ec, rsa] = [makeCertificate("mx.test"), makeCertificate("mx.test", { key: "rsa" })];
  const contexts = new TlsContexts(
    (problem) => assert.fail(String(problem)),
    () => undefined,
  );

  test("reads the name and leaves the hello for the handshake, with all certificates of the context", async () => {
    const names: unknown[] = [];
    const both = await contexts.get({
      certificateFiles: [ec.certificateFile, rsa.certificateFile],
      privateKeyFiles: [ec.privateKeyFile, rsa.privateKeyFile],
    });
    await using server = createServer(async (socket) => {
      names.push((await awaitClientHello(socket))?.serverName);
      const secured = startServerTls(socket, { context: both }, () => secured.end("hello"));
      secured.on("error", () => undefined);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    for (const [kind, ciphers] of [
      ["ec", "ECDHE-ECDSA-AES128-GCM-SHA256"],
      ["rsa", "ECDHE-RSA-AES128-GCM-SHA256"],
    ] as const) {
      const options = {
        port,
        ciphers,
        maxVersion: "TLSv1.2",
        servername: "mx.test",
        rejectUnauthorized: false,
      } as const;
      const client = connect(options);
      assert.deepEqual(await once(client, "data"), [Buffer.from("hello")]);
      assert.equal(client.getPeerX509Certificate()?.publicKey.asymmetricKeyType, kind);
      client.destroy();
    }
    assert.deepEqual(names, ["mx.test", "mx.test"]);
  });

  test("rejects when the client goes away", async () => {
    const answer = Promise.withResolvers<unknown>();
    await using server = createServer((socket) => {
      awaitClientHello(socket).then(answer.resolve, (err: Error) => answer.resolve(err.message));
      socket.on("error", () => undefined);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    const client = new Socket().connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1");
    client.end(Buffer.from([22, 3, 1]));
    assert.equal(await answer.promise, "the client has gone");
    client.destroy();
  });
});
