import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { type DnsServerOptions, type DnsZone, startDnsServer } from "@postbus/testkit";
import { type Answer, createResolver, parseServers, type RecordType, type Resolver } from "../src/index.ts";

const zone: DnsZone = { "example.org": { A: ["192.0.2.1"], TXT: ["v=spf1 -all"], MX: ["10 mx.example.org"] } };

async function resolverOf(zone: DnsZone, faults: DnsServerOptions = {}): Promise<Resolver> {
  const server = await startDnsServer(zone, faults);
  after(() => server.stop());
  return createResolver({ servers: parseServers(server.address), attemptTimeoutMs: 100, deadlineMs: 400 });
}

/** Aliases in a row, and what the last one has. */
const chain = (length: number): DnsZone =>
  Object.fromEntries(
    Array.from({ length: length + 1 }, (_, i) => [
      `c${i}.example.org`,
      i === length ? { A: ["192.0.2.9"] } : { CNAME: `c${i + 1}.example.org` },
    ]),
  );

const shown = (answer: Answer): unknown => (answer.state === "found" ? answer.records : answer.state);

interface Row {
  readonly name: string;
  readonly zone: DnsZone;
  readonly ask: readonly [string, RecordType];
  /** Records, a kind of absence, or words of the deferral. */
  readonly want: unknown;
  readonly faults?: DnsServerOptions;
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `10 mx${i}.example.org`);
const junk = ["9 9 9 ff", "3 1 1 00", `3 0 0 ${"ab".repeat(30_000)}`];
/** Octets of the honest answer, changed. */
const tampered = (change: (packet: Buffer) => void): DnsServerOptions => ({
  tamper(honest) {
    const packet = Buffer.from(honest);
    change(packet);
    return [packet];
  },
});
const ANSWER_NAME = 12 + "\x07example\x03org\0".length + 4;

/** The answer without its records, but with that one in the additional section. */
const bare = (honest: Buffer, additional = Buffer.alloc(0)): Buffer => {
  const packet = Buffer.concat([honest.subarray(0, ANSWER_NAME), additional]);
  packet.writeUInt16BE(0, 6);
  packet.writeUInt16BE(0, 8);
  packet.writeUInt16BE(additional.length > 0 ? 1 : 0, 10);
  return packet;
};

const rows: readonly Row[] = [
  { name: "a chain of aliases", zone: chain(5), ask: ["c0.example.org", "A"], want: ["192.0.2.9"] },
  {
    name: "two aliases that name each other",
    zone: { "a.example.org": { CNAME: "b.example.org" }, "b.example.org": { CNAME: "a.example.org" } },
    ask: ["a.example.org", "A"],
    want: /alias loop/,
  },
  {
    name: "500 MX",
    zone: { "many.example.org": { MX: many(500) } },
    ask: ["many.example.org", "MX"],
    want: { length: 500 },
  },
  {
    name: "600 MX",
    zone: { "many.example.org": { MX: many(600) } },
    ask: ["many.example.org", "MX"],
    want: /too many records/,
  },
  {
    name: "MX of an address, of the root, of this host: what they say, and no more",
    zone: { "odd.example.org": { MX: ["1 192.0.2.1", "2 .", "3 localhost", "4 127.0.0.1"] } },
    ask: ["odd.example.org", "MX"],
    want: ["192.0.2.1", "", "localhost", "127.0.0.1"].map((exchange, i) => ({ preference: i + 1, exchange })),
  },
  {
    name: "TLSA with junk, and 30 KB of it",
    zone: { "_25._tcp.example.org": { TLSA: junk } },
    ask: ["_25._tcp.example.org", "TLSA"],
    want: { length: 3 },
  },
  {
    name: "names with control characters in PTR",
    zone: { "1.2.0.192.in-addr.arpa": { PTR: ["a\0b.example", "a\x1b[2J.example", "ok.example"] } },
    ask: ["1.2.0.192.in-addr.arpa", "PTR"],
    want: ["ok.example"],
  },
  {
    name: "records of another name in the answer",
    zone,
    ask: ["example.org", "A"],
    faults: tampered((packet) => packet.write("x", ANSWER_NAME + 1)),
    want: "no data",
  },
  {
    name: "a name that points at itself",
    zone,
    ask: ["example.org", "A"],
    faults: tampered((packet) => packet.writeUInt16BE(0xc000 + ANSWER_NAME, ANSWER_NAME)),
    want: /unreadable answer/,
  },
  {
    name: "more records announced than there are",
    zone,
    ask: ["example.org", "A"],
    faults: tampered((packet) => packet.writeUInt16BE(400, 6)),
    want: /unreadable answer/,
  },
  {
    name: "a server that knows no EDNS is asked without it",
    zone,
    ask: ["example.org", "A"],
    faults: {
      tamper(honest, query) {
        const packet = Buffer.from(honest);
        if (query.additionals?.some(({ type }) => type === "OPT") === true)
          packet.writeUInt8(packet.readUInt8(3) | 1, 3);
        return [packet];
      },
    },
    want: ["192.0.2.1"],
  },
  {
    name: "a server that knows no version of EDNS is asked without it (RFC 6891 §6.1.3)",
    zone,
    ask: ["example.org", "A"],
    faults: {
      tamper(honest, query) {
        if (query.additionals?.some(({ type }) => type === "OPT") !== true) return [honest];
        return [bare(honest, Buffer.from([0, 0, 41, 4, 0, 1, 0, 0, 0, 0, 0]))];
      },
    },
    want: ["192.0.2.1"],
  },
  {
    name: "a server that does not ask others, and refers to them: that is not that there is nothing",
    zone,
    ask: ["example.org", "A"],
    faults: {
      tamper(honest) {
        const packet = bare(honest);
        packet.writeUInt8(0, 3);
        return [packet];
      },
    },
    want: /does not ask others/,
  },
  {
    name: "a server that says it cannot read any question",
    zone,
    ask: ["example.org", "A"],
    faults: tampered((packet) => packet.writeUInt8(packet.readUInt8(3) | 1, 3)),
    want: /FORMERR/,
  },
  {
    name: "a packet that is a question",
    zone,
    ask: ["example.org", "A"],
    faults: tampered((packet) => packet.writeUInt8(0, 2)),
    want: /no answer in/,
  },
];

describe("hostile answers", () => {
  for (const { name, zone: own, ask, want, faults } of rows) {
    test(name, async () => {
      const resolver = await resolverOf(own, faults);
      if (want instanceof RegExp) {
        await assert.rejects(resolver.resolve(...ask), (err: unknown) => {
          assert.ok(err instanceof DeferError);
          assert.match(err.message, want);
          return true;
        });
      } else if (typeof want === "object" && want !== null && "length" in want && !Array.isArray(want)) {
        const answer = await resolver.resolve(...ask);
        assert.equal(answer.state === "found" && answer.records.length, want.length);
      } else {
        assert.deepEqual(shown(await resolver.resolve(...ask)), want);
      }
    });
  }

  test("an AD bit that is lost on the way is believed to be lost, and one that comes back counts again", async () => {
    let isSet = true;
    const faults: DnsServerOptions = {
      ttlSeconds: 0,
      authentic: true,
      tamper(honest) {
        const packet = Buffer.from(honest);
        if (!isSet) packet.writeUInt8(packet.readUInt8(3) & ~0x20, 3);
        return [packet];
      },
    };
    const resolver = await resolverOf(zone, faults);
    const seen: boolean[] = [];
    for (isSet of [true, false, true]) seen.push((await resolver.resolve("example.org", "A")).authenticated);
    assert.deepEqual(seen, [true, false, true]);
  });

  test("that there is none is not kept without the SOA that says how long (RFC 2308 §5)", async () => {
    const server = await startDnsServer(zone, { tamper: (honest) => [withoutAuthority(honest)] });
    after(() => server.stop());
    const resolver = createResolver({ servers: parseServers(server.address) });
    for (let i = 0; i < 2; i++) assert.equal((await resolver.resolve("none.example.org", "A")).state, "no such name");
    assert.equal(server.queries.length, 2);
  });
});

/** Its records stay behind the end: nobody looks there. */
function withoutAuthority(honest: Buffer): Buffer {
  const packet = Buffer.from(honest);
  packet.writeUInt16BE(0, 8);
  return packet.subarray(0, 12 + "\x04none\x07example\x03org\0".length + 4);
}

/** What a server does with a connection over TCP, once UDP has said that the answer does not fit. */
const connections: readonly (readonly [name: string, serve: (socket: Socket) => void, want: RegExp])[] = [
  ["closes it", (socket) => socket.end(), /connection closed without an answer|no answer in/],
  ["says nothing", () => undefined, /no answer in/],
  ["announces 64 KB and sends a drop", (socket) => socket.write(Buffer.from([0xff, 0xff, 1])), /no answer in/],
  ["sends nonsense", (socket) => socket.write(Buffer.from([0, 3, 1, 2, 3])), /answer to another question over TCP/],
  ["announces nothing", (socket) => socket.write(Buffer.alloc(2)), /answer to another question over TCP/],
];

describe("TCP", () => {
  for (const [name, serve, want] of connections) {
    test(`a server that ${name}`, async () => {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket.on("error", () => undefined));
        socket.once("data", () => serve(socket));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : 0;
      // Over UDP, nothing fits.
      const udp = await startTruncating(port);
      after(async () => {
        await udp();
        for (const socket of sockets) socket.destroy();
        server.close();
      });
      const servers = parseServers(`127.0.0.1:${port}`);
      const resolver = createResolver({ servers, attemptTimeoutMs: 100, deadlineMs: 250 });
      await assert.rejects(resolver.resolve("example.org", "A"), want);
    });
  }
});

/** A UDP server that answers every question with "ask over TCP". */
async function startTruncating(port: number): Promise<() => Promise<void>> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp4");
  socket.on("message", (query, peer) => {
    const answer = Buffer.from(query);
    answer.writeUInt8(answer.readUInt8(2) | 0x82, 2);
    socket.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, "127.0.0.1", resolve);
  });
  return () => new Promise((resolve) => socket.close(() => resolve()));
}
