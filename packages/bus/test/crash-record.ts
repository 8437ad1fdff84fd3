import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openEmbeddedBus } from "../src/index.ts";
import { eventually, nothingWaits, record } from "./contract-items.ts";

export interface Life {
  /** 0: it brings what is there to its end, and leaves. */
  readonly publishers: number;
  /** After so long, from when it is ready, it is killed. */
  readonly lifeMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly onReady?: () => void;
}

/** One life of `crash-child.ts`, on `bus` in the directory. */
export async function runCrashChild(root: string, { publishers, lifeMs, env = {}, onReady = () => {} }: Life) {
  const child = fork(
    join(import.meta.dirname, "crash-child.ts"),
    [join(root, "bus"), join(root, "log"), String(publishers)],
    { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe", "ipc"] },
  );
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const exited = once(child, "exit");
  await Promise.race([once(child, "message").then(onReady), exited]);
  const timer = lifeMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), lifeMs);
  const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { code, signal, errors };
}

/** What the processes wrote down: for each word, the message ids in order; later lines are later lives. */
async function read(root: string): Promise<readonly (readonly [word: string, messageId: string])[]> {
  const lines = (await readFile(join(root, "log"), "latin1")).split("\n");
  return lines.filter((line) => line !== "").map((line) => line.split(" ") as [string, string]);
}

/** Lets a last process finish all work, and compares with what the earlier ones were told. @returns Acknowledged messages. */
export async function nothingIsLost(t: TestContext, root: string): Promise<number> {
  const { code, errors } = await runCrashChild(root, { publishers: 0 });
  assert.equal(code, 0, errors);
  const said = await read(root);
  const acknowledged = said.filter(([word]) => word === "ack").map(([, messageId]) => messageId);
  const complete = new Set<string>();
  for (const [word, messageId] of said) {
    if (word === "complete") complete.add(messageId);
    if (word === "handle") assert.ok(!complete.has(messageId), `${messageId} came back after it was complete`);
  }

  const bus = await openEmbeddedBus({ directory: join(root, "bus") });
  t.after(() => bus.close());
  await nothingWaits(bus);
  const times = new Map<string, number>();
  const events = await record(bus);
  await eventually(() => {
    times.clear();
    for (const event of events) {
      if (event.name === "msg:complete") times.set(event.messageId, (times.get(event.messageId) ?? 0) + 1);
    }
    for (const messageId of acknowledged) assert.ok(times.has(messageId), `${messageId} was acknowledged and is lost`);
  });
  for (const [messageId, count] of times) assert.equal(count, 1, `${messageId} was completed ${count} times`);
  t.diagnostic(`${acknowledged.length} acknowledged, ${times.size} complete`);
  return acknowledged.length;
}
