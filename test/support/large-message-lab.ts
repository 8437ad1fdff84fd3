import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { DnsZone } from "@postbus/testkit";

/** RFC 5321 §4.5.3.1.6 allows 1000; mail programs write base64 in lines of this length. */
const LINE_OCTETS = 78;

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");

/** For whom `signedMessage` signs. */
export const signersZone: DnsZone = {
  "signer.test": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "_dmarc.signer.test": { TXT: ["v=DMARC1; p=reject"] },
  "key._domainkey.signer.test": { TXT: [`v=DKIM1; k=rsa; p=${key}`] },
};

/**
 * A message with a DKIM signature (RFC 6376) that verifies.
 *
 * @param line Of which the body is made; by default one that canonicalization changes nothing of.
 */
export function signedMessage(octets: number, line = `${"x".repeat(LINE_OCTETS - 2)}\r\n`): Buffer {
  const body = Buffer.from(line.repeat(Math.ceil(octets / line.length)), "latin1");
  const relaxed = Buffer.from(
    body
      .toString("latin1")
      .replace(/[ \t]+(?=\r\n)/g, "")
      .replace(/[ \t]+/g, " "),
    "latin1",
  );
  const from = "from:joe@signer.test\r\n";
  const bodyHash = createHash("sha256").update(relaxed).digest("base64");
  const unsigned = `dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=signer.test; s=key; h=from; bh=${bodyHash}; b=`;
  const signature = sign("sha256", Buffer.from(from + unsigned, "latin1"), privateKey).toString("base64");
  return Buffer.concat([Buffer.from(`${unsigned}${signature}\r\n${from}\r\n`, "latin1"), body]);
}

/** One message in a session of its own. The message must not have a line that starts with a dot. */
export async function submitMessage(port: number, recipient: string, message: Buffer): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.setEncoding("latin1");
  const lines = socket[Symbol.asyncIterator]();
  const reply = async (code: string): Promise<void> => {
    const { value } = await lines.next();
    if (typeof value !== "string" || !value.startsWith(code)) throw new Error(`${value} instead of ${code}`);
  };
  await reply("220");
  socket.write("EHLO client.test\r\n");
  await reply("250");
  for (const [command, code] of [
    ["MAIL FROM:<joe@signer.test>", "250"],
    [`RCPT TO:<${recipient}>`, "250"],
    ["DATA", "354"],
  ] as const) {
    socket.write(`${command}\r\n`);
    await reply(code);
  }
  const PIECE = 256 * 1024;
  for (let at = 0; at < message.length; at += PIECE) {
    if (!socket.write(message.subarray(at, at + PIECE))) await once(socket, "drain");
  }
  socket.write(".\r\n");
  await reply("250");
  socket.end("QUIT\r\n");
  await reply("221");
  socket.destroy();
}

export interface CountingSink {
  readonly port: number;
  /** Octets of content that have come. */
  readonly octets: number;
  /** Resolves when so many messages have come since the start. */
  received(messages: number): Promise<void>;
  stop(): Promise<void>;
}

/** A next hop that keeps nothing. @param octetsPerSecond At which it reads. */
export async function startCountingSink(octetsPerSecond = Number.POSITIVE_INFINITY): Promise<CountingSink> {
  let messages = 0;
  let octets = 0;
  let wake = (): void => undefined;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let isContent = false;
    let tail = "";
    socket.write("220 sink.test\r\n");
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      if (isContent) octets += chunk.length;
      if (isContent && octetsPerSecond !== Number.POSITIVE_INFINITY) {
        socket.pause();
        setTimeout(() => socket.resume(), (chunk.length / octetsPerSecond) * 1000);
      }
      // Only the end of it matters: a command, or the final dot.
      tail = (tail + chunk.toString("latin1", Math.max(0, chunk.length - 1024))).slice(-1024);
      if (isContent) {
        if (!tail.endsWith("\r\n.\r\n")) return;
        isContent = false;
        messages++;
        wake();
        socket.write("250 ok\r\n");
      } else {
        if (!tail.endsWith("\r\n")) return;
        for (const line of tail.split("\r\n").slice(0, -1)) {
          isContent = /^DATA$/i.test(line);
          socket.write(isContent ? "354 go\r\n" : "250 ok\r\n");
        }
      }
      tail = "";
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get octets() {
      return octets;
    },
    async received(wanted) {
      while (messages < wanted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** By how many octets `work` raises the peak of a process's resident memory above what it has now. Linux only. */
export async function raisedPeak(pid: number, work: () => Promise<unknown>): Promise<number> {
  // proc_pid_clear_refs(5): the peak begins anew at what is resident now.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const before = memory(pid, "VmHWM");
  await work();
  return memory(pid, "VmHWM") - before;
}

export function memory(pid: number, what: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status says nothing of ${what}`);
  return Number(kilobytes) * 1024;
}
