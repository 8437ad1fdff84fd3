import type { Content, ScanRequest, ScanTask } from "@postbus/contracts";
import { pino } from "pino";
import { EngineHosts } from "../src/hosts/engine-hosts.ts";
import { KeptVerdicts } from "../src/kept-verdicts.ts";
import { ScannedMessage } from "../src/message/scanned-message.ts";
import { Scans, type ScansOptions } from "../src/scans.ts";

export const HEADER = "Received: from x\r\n\tby y; Thu, 5 Nov 2026 09:08:07 +0000\r\nSubject: hello\r\n\r\n";
export const BODY = "line one\r\n.dot line\r\n";
const ORIGINAL = `Subject: hello\r\n\r\n${BODY}`;

/** A question about a small message to two recipients. */
export const question = (task: ScanTask, changes: Partial<ScanRequest> = {}): ScanRequest => ({
  v: 2,
  messageId: "m1",
  client: { address: "192.0.2.44", helo: "helo.client.test" },
  returnPath: "s@insecure.test",
  recipients: ["a@good.test", "b@good.test"],
  header: { text: HEADER, replaces: ORIGINAL.length - BODY.length },
  task,
  timeoutMs: 20_000,
  ...changes,
});

export const inline: Content = { kind: "inline", octets: Buffer.from(ORIGINAL, "latin1") };

/** Of spooled content: small pieces, each in the same memory as the one before. */
export function spoolOf(octets: Buffer, pieceOctets: number) {
  return {
    reads: 0,
    async *read() {
      this.reads += 1;
      const memory = Buffer.alloc(pieceOctets);
      for (let at = 0; at < octets.length; at += pieceOctets) {
        const size = octets.copy(memory, 0, at, at + pieceOctets);
        yield memory.subarray(0, size);
        memory.fill("#");
      }
    },
  };
}

export const spooled = (octets: Buffer): Content => ({
  kind: "spooled",
  id: "m1-raw",
  size: octets.length,
  sha256: "0".repeat(64),
});

export const messageOf = (task: ScanTask, changes?: Partial<ScanRequest>): ScannedMessage =>
  new ScannedMessage(question(task, changes), inline, spoolOf(Buffer.alloc(0), 1));

/** Answers questions; `results` tells how. */
export function scansWith({
  concurrency = 10,
  connections = 5,
  spool = spoolOf(Buffer.alloc(0), 1),
  kept = new KeptVerdicts(),
  others = undefined as ScansOptions["others"],
} = {}) {
  const results: string[] = [];
  const hosts = new EngineHosts(connections);
  const scans = new Scans({
    hosts,
    spool,
    metrics: { answered: (_engine, result) => results.push(result) },
    log: pino({ level: "silent" }),
    concurrency,
    kept,
    others,
  });
  return { scans, hosts, results };
}
