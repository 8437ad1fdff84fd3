import { parentPort, workerData } from "node:worker_threads";
import { openResolver } from "@postbus/dns";
import { checkMessage, checkSpf, SuffixFiles } from "@postbus/mail-auth";
import { boundsOf, messageOptions } from "./message-options.ts";
import type { FromWorker, Piece, ToWorker, WorkerSettings } from "./worker-protocol.ts";

/*
 * A thread of `worker-pool.ts`: answers its questions, with a resolver and a cache of its own.
 */

interface Task {
  readonly cancel: AbortController;
  /** Given the next piece of content; called once for each `more`. */
  onPiece?: (octets: Piece | undefined) => void;
}

const port = parentPort;
if (port === null) throw new Error("check-worker.ts runs as a worker thread");
// The pool is on the other side of the port.
const { dnsServers } = workerData as WorkerSettings;
const resolver = await openResolver(dnsServers);
const files = new SuffixFiles();
const tasks = new Map<number, Task>();

const tell = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

port.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "ping":
      return tell({ kind: "pong" });
    case "cancel":
      return tasks.get(message.id)?.cancel.abort();
    case "piece":
      return tasks.get(message.id)?.onPiece?.(message.octets);
    default:
      void start(message);
  }
});

async function start(question: Extract<ToWorker, { kind: "spf" | "message" }>): Promise<void> {
  const { id } = question;
  const task: Task = { cancel: new AbortController() };
  tasks.set(id, task);
  try {
    tell(await answer(question, task));
  } catch (err) {
    tell({ kind: "failed", id, text: err instanceof Error ? err.message : String(err) });
  } finally {
    tasks.delete(id);
  }
}

async function answer(question: Extract<ToWorker, { kind: "spf" | "message" }>, task: Task): Promise<FromWorker> {
  const { id } = question;
  const { signal } = task.cancel;
  if (question.kind === "spf") {
    const { request } = question;
    return { kind: "spf", id, findings: await checkSpf(request, resolver, { signal, ...boundsOf(request) }) };
  }
  const { asked, octets } = question;
  const content = octets === undefined ? pieces(id, task) : buffer(octets);
  const options = { signal, ...messageOptions(asked, files) };
  return { kind: "message", id, facts: await checkMessage(content, options, resolver) };
}

async function* pieces(id: number, task: Task): AsyncGenerator<Buffer> {
  let spent: ArrayBuffer | undefined;
  for (;;) {
    const next = Promise.withResolvers<Piece | undefined>();
    task.onPiece = next.resolve;
    tell({ kind: "more", id, spent }, spent === undefined ? [] : [spent]);
    const octets = await next.promise;
    if (octets === undefined) return;
    yield buffer(octets);
    spent = octets.buffer;
  }
}

/** The same octets: what comes over a port is no Buffer any more. */
const buffer = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
