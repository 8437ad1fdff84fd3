import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { answers, freePort, program, startRecordingSink } from "@postbus/testkit";

export function need(name: string): string {
  const path = program(name);
  if (path === undefined) throw new Error(`${name} is not on this machine (packages/testkit/fetch-servers.sh gets it)`);
  return path;
}

export interface Sink {
  readonly port: number;
  /** Messages that it has taken since the start. */
  count(): Promise<number>;
  /** Resolves when it has taken so many. */
  received(count: number, deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Postfix's `smtp-sink`, which counts the messages that it takes. It prints the counter with each: to a file, which is
 * looked at now and then, since a reader that wakes up for each message would take a processor's time from what is measured.
 */
export async function startSink(at?: number): Promise<Sink> {
  const port = at ?? (await freePort());
  const counter = join(await mkdtemp(join(tmpdir(), "bench-sink-")), "count");
  const file = await open(counter, "a");
  // As root it wants to be somebody else.
  const args = ["-c", ...(process.getuid?.() === 0 ? ["-u", "nobody"] : []), `127.0.0.1:${port}`, "1000"];
  const child = spawn(need("smtp-sink"), args, { stdio: ["ignore", file.fd, "inherit"] });
  await file.close();
  await answers(port);
  return {
    port,
    count: () => lastNumber(counter),
    async received(wanted, deadlineMs) {
      const end = performance.now() + deadlineMs;
      for (;;) {
        const count = await lastNumber(counter);
        if (count >= wanted) return;
        if (performance.now() > end) {
          throw new Error(`the sink has ${count} of ${wanted} messages after ${deadlineMs} ms`);
        }
        await setTimeout(COUNTER_LOOK_MS);
      }
    },
    async stop() {
      child.kill();
      await rm(dirname(counter), { recursive: true });
    },
  };
}

/** How exactly it is known when the last message came. */
const COUNTER_LOOK_MS = 20;

/** The last number that has been printed whole; 0 before the first. */
async function lastNumber(path: string): Promise<number> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(64);
    const { bytesRead } = await file.read(tail, 0, tail.length, Math.max(0, size - tail.length));
    return Number(
      tail
        .toString("latin1", 0, bytesRead)
        .match(/\d+(?=\D)/g)
        ?.at(-1) ?? 0,
    );
  } finally {
    await file.close();
  }
}

/** A next hop that answers each message after `delayMs`, as one does that scans what it gets. */
export async function startSlowSink(delayMs: number): Promise<Sink> {
  let count = 0;
  const sink = await startRecordingSink({
    delayMs,
    onReceived: () => {
      count++;
    },
  });
  return {
    port: sink.port,
    count: () => Promise.resolve(count),
    async received(wanted, deadlineMs) {
      const end = performance.now() + deadlineMs;
      while (count < wanted) {
        if (performance.now() > end) throw new Error(`the sink has ${count} of ${wanted} after ${deadlineMs} ms`);
        await setTimeout(COUNTER_LOOK_MS);
      }
    },
    stop: () => sink.stop(),
  };
}

export interface Load {
  readonly port: number;
  readonly messages: number;
  readonly connections: number;
  /** Octets of content. */
  readonly size: number;
  /** Instead of that: a message with LF. */
  readonly messageFile?: string | undefined;
  /** One connection a message instead of kept ones. */
  readonly reconnect?: boolean;
  readonly recipient: string;
}

/** For one of its runs: a system that answers no more is not waited for. */
const SOURCE_MS = 900_000;

/** One `smtp-source` that connects anew for each message reaches 2,000 to 2,600/s here, whoever answers: it would be what is measured. */
const RECONNECTING_SOURCES = 2;

/** Runs Postfix's `smtp-source`; resolves with the seconds until the last message was accepted. */
export async function runSource(load: Load): Promise<number> {
  const sources = load.reconnect === true ? Math.min(RECONNECTING_SOURCES, load.connections, load.messages) : 1;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: sources }, (_, n) => {
      const messages = partOf(load.messages, sources, n);
      return runOneSource({ ...load, messages, connections: partOf(load.connections, sources, n) });
    }),
  );
  return (performance.now() - start) / 1000;
}

const partOf = (whole: number, parts: number, n: number): number =>
  Math.floor((whole * (n + 1)) / parts) - Math.floor((whole * n) / parts);

async function runOneSource(load: Load): Promise<void> {
  const args = ["-m", String(load.messages), "-s", String(load.connections)];
  args.push(...(load.messageFile === undefined ? ["-l", String(load.size)] : ["-F", load.messageFile]));
  if (load.reconnect !== true) args.push("-d"); // Do not disconnect after each message.
  args.push("-f", "sender@bench.test", "-t", load.recipient, `127.0.0.1:${load.port}`);
  const child = spawn(need("smtp-source"), args, { stdio: ["ignore", "inherit", "inherit"], timeout: SOURCE_MS });
  const [code, signal] = await once(child, "exit");
  if (signal !== null) throw new Error(`smtp-source took more than ${SOURCE_MS} ms`);
  if (code !== 0) throw new Error(`smtp-source ended with ${code}: the server refused something`);
}

const WARM_UP = { messages: 20_000, batch: 2_000, seconds: 20 };

/**
 * Sends what is not measured: V8 compiles what has run some thousand times, processes are forked, files grow.
 *
 * @returns How many messages: 20,000, or what has gone in 20 s, or twice as many as are measured.
 */
export async function warmUp(load: Load): Promise<number> {
  const most = Math.min(WARM_UP.messages, 2 * load.messages);
  const endMs = performance.now() + WARM_UP.seconds * 1000;
  let sent = 0;
  while (sent < most && performance.now() < endMs) {
    const messages = Math.min(WARM_UP.batch, most - sent);
    await runSource({ ...load, messages });
    sent += messages;
  }
  return sent;
}
