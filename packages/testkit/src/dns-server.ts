import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { type Answer, AUTHENTIC_DATA, decode, encode, type Packet, RECURSION_AVAILABLE } from "dns-packet";

/** What the server says of one name: data by type, or how it misbehaves. */
export type DnsEntry =
  | {
      readonly A?: readonly string[];
      readonly AAAA?: readonly string[];
      readonly CNAME?: string;
      readonly PTR?: readonly string[];
      readonly NS?: readonly string[];
      /** `10 mx.example.org` */
      readonly MX?: readonly string[];
      /** `10 0 25 mx.example.org`: priority, weight, port, target. */
      readonly SRV?: readonly string[];
      /** A record each; an array is a record of several character-strings. Above 255 octets a string is split. */
      readonly TXT?: readonly (string | readonly string[])[];
      /** `3 1 1 <hexadecimal>` */
      readonly TLSA?: readonly string[];
    }
  | "SERVFAIL"
  | "REFUSED"
  /** No answer at all. */
  | "drop";

export type DnsZone = Readonly<Record<string, DnsEntry>>;

export interface DnsServerOptions {
  /** Sets the AD bit. */
  readonly authentic?: boolean;
  /** Default 300. */
  readonly ttlSeconds?: number;
  /** TTL of the SOA that goes with "there is none"; default 60. */
  readonly negativeTtlSeconds?: number;
  /** Octets that fit into a UDP packet; what is longer is cut and marked. Default 1232. */
  readonly udpOctets?: number;
  /** Default: any that is free. */
  readonly port?: number;
  /** What is sent over UDP instead of the honest packet. */
  readonly tamper?: (honest: Buffer, query: Packet) => readonly Buffer[];
}

export interface DnsServer {
  /** `127.0.0.1:<port>`, UDP and TCP. */
  readonly address: string;
  /** `udp TXT example.org`, in the order of arrival. */
  readonly queries: readonly string[];
  stop(): Promise<void>;
}

const MAX_STRING = 255;
const MAX_ALIASES = 8;
const SOA = { mname: "ns.test", rname: "hostmaster.test", serial: 1, refresh: 3600, retry: 600, expire: 86_400 };

/** A name server of our own for tests: honest, over UDP and TCP, with faults on demand. The zone may be changed while it runs. */
export async function startDnsServer(zone: DnsZone, options: DnsServerOptions = {}): Promise<DnsServer> {
  const queries: string[] = [];
  const respond = (octets: Buffer, transport: "udp" | "tcp"): { packet: Buffer; query: Packet } | undefined => {
    const query = decode(octets);
    const question = query.questions?.[0];
    if (question === undefined) return undefined;
    queries.push(`${transport} ${question.type} ${question.name}`);
    const packet = answerTo(query, zone, options);
    return packet === undefined ? undefined : { packet: encode(packet), query };
  };

  const tcp = createServer((socket) => serveTcp(socket, (octets) => respond(octets, "tcp")?.packet));
  const sockets = new Set<Socket>();
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => tcp.listen(options.port ?? 0, "127.0.0.1", resolve));
  const bound = tcp.address();
  if (bound === null || typeof bound === "string") throw new Error("dns server: no port");

  const udp = createSocket("udp4");
  udp.on("message", (octets, peer) => {
    const response = respond(octets, "udp");
    if (response === undefined) return;
    const fits = response.packet.length <= (options.udpOctets ?? 1232);
    const honest = fits ? response.packet : truncated(response.packet, octets);
    for (const packet of options.tamper?.(honest, response.query) ?? [honest])
      udp.send(packet, peer.port, peer.address);
  });
  // The same port as TCP. Somebody else could have it, then the test says so.
  await new Promise<void>((resolve, reject) => {
    udp.once("error", reject);
    udp.bind(bound.port, "127.0.0.1", resolve);
  });

  return {
    address: `127.0.0.1:${bound.port}`,
    queries,
    async stop() {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => tcp.close(() => resolve()));
    },
  };
}

function serveTcp(socket: Socket, respond: (octets: Buffer) => Buffer | undefined): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (octets: Buffer) => {
    received = Buffer.concat([received, octets]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const packet = respond(received.subarray(2, end));
      received = received.subarray(end);
      if (packet === undefined) continue;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(packet.length);
      socket.write(Buffer.concat([length, packet]));
    }
  });
}

/** Header with the TC bit, and the question. */
function truncated(packet: Buffer, query: Buffer): Buffer {
  const head = Buffer.from(packet.subarray(0, 12));
  head.writeUInt8(head.readUInt8(2) | 0x02, 2);
  head.writeUInt16BE(0, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  let end = 12;
  while (query.readUInt8(end) !== 0) end += query.readUInt8(end) + 1;
  return Buffer.concat([head, query.subarray(12, end + 5)]);
}

function answerTo(query: Packet, zone: DnsZone, options: DnsServerOptions): Packet | undefined {
  const question = query.questions?.[0];
  if (question === undefined) return undefined;
  const ttl = options.ttlSeconds ?? 300;
  const answers: Answer[] = [];
  let name = question.name.toLowerCase();
  let flags = RECURSION_AVAILABLE | ((query.flags ?? 0) & 0x0100) | (options.authentic === true ? AUTHENTIC_DATA : 0);
  for (let steps = 0; steps <= MAX_ALIASES; steps++) {
    const entry = zone[name];
    if (entry === "drop") return undefined;
    if (entry === "SERVFAIL" || entry === "REFUSED") {
      flags |= entry === "SERVFAIL" ? 2 : 5;
      break;
    }
    if (entry === undefined) {
      // An empty non-terminal exists (RFC 8020).
      const exists = Object.keys(zone).some((other) => other.endsWith(`.${name}`));
      if (!exists) flags |= 3;
      break;
    }
    if (entry.CNAME !== undefined && question.type !== "CNAME") {
      answers.push({ name, type: "CNAME", ttl, class: "IN", data: entry.CNAME });
      name = entry.CNAME.toLowerCase();
      continue;
    }
    answers.push(...recordsOf(name, question.type, entry, ttl));
    break;
  }
  const isNegative = !answers.some((answer) => answer.type === question.type);
  const negativeTtl = options.negativeTtlSeconds ?? 60;
  return {
    type: "response",
    ...(query.id === undefined ? {} : { id: query.id }),
    flags,
    questions: [question],
    answers,
    authorities: isNegative
      ? [{ name: ".", type: "SOA", ttl: negativeTtl, class: "IN", data: { ...SOA, minimum: negativeTtl } }]
      : [],
  };
}

function recordsOf(name: string, type: string, entry: Exclude<DnsEntry, string>, ttl: number): Answer[] {
  const common = { name, ttl, class: "IN" } as const;
  switch (type) {
    case "A":
    case "AAAA":
    case "PTR":
    case "NS":
      return (entry[type] ?? []).map((data) => ({ ...common, type, data }));
    case "CNAME":
      return entry.CNAME === undefined ? [] : [{ ...common, type, data: entry.CNAME }];
    case "MX":
      return (entry.MX ?? []).map((text) => {
        const [preference = "0", exchange = "."] = text.split(" ");
        return { ...common, type, data: { preference: Number(preference), exchange } };
      });
    case "SRV":
      return (entry.SRV ?? []).map((text) => {
        const [priority = "0", weight = "0", port = "0", target = "."] = text.split(" ");
        return {
          ...common,
          type,
          data: { priority: Number(priority), weight: Number(weight), port: Number(port), target },
        };
      });
    case "TXT":
      return (entry.TXT ?? []).map((record) => ({ ...common, type, data: strings(record) }));
    case "TLSA":
      return (entry.TLSA ?? []).map((text) => {
        const [usage = "0", selector = "0", matchingType = "0", hex = ""] = text.split(" ");
        const numbers = { usage: Number(usage), selector: Number(selector), matchingType: Number(matchingType) };
        return { ...common, type, data: { ...numbers, certificate: Buffer.from(hex, "hex") } };
      });
    default:
      return [];
  }
}

/** The character-strings of a TXT record, none longer than 255 octets. */
function strings(record: string | readonly string[]): Buffer[] {
  return [record].flat().flatMap((string) => {
    const octets = Buffer.from(string, "latin1");
    const parts: Buffer[] = [];
    for (let at = 0; at < Math.max(octets.length, 1); at += MAX_STRING)
      parts.push(octets.subarray(at, at + MAX_STRING));
    return parts;
  });
}
