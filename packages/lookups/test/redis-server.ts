import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, program } from "@postbus/testkit";
import { Redis } from "ioredis";

const path = program("redis-server") ?? program("valkey-server");

/** Why there is no Redis here; undefined: there is one. */
export const redisIsMissing = path === undefined ? "no redis-server and no valkey-server on this machine" : undefined;

export interface RedisServer {
  readonly port: number;
  /** A client of the test's own. */
  readonly client: Redis;
  /** SIGKILL; the port stays closed until `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A real Redis (or Valkey) on a free port, without persistence. */
export async function startRedis(...settings: readonly string[]): Promise<RedisServer> {
  if (path === undefined) throw new Error("no Redis here");
  const directory = await mkdtemp(join(tmpdir(), "postbus-redis-"));
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory];
  const client = new Redis({ host: "127.0.0.1", port, lazyConnect: true, protocol: 2, retryStrategy: () => 50 });
  client.on("error", () => undefined); // The test kills the server.
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  process.once("exit", () => child?.kill("SIGKILL"));
  const server: RedisServer = {
    port,
    client,
    kill,
    async start() {
      child = spawn(path, [...args, ...settings], { stdio: "ignore" });
      child.unref(); // A test that fails before its end leaves it behind.
      const started = Date.now();
      while (!(await answers(port))) {
        if (Date.now() - started > 10_000) {
          await kill();
          throw new Error("redis: not started");
        }
        await delay(20);
      }
    },
    async stop() {
      client.disconnect();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function answers(port: number): Promise<boolean> {
  const probe = new Redis({
    host: "127.0.0.1",
    port,
    lazyConnect: true,
    protocol: 2,
    retryStrategy: null,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  probe.on("error", () => undefined); // Not there yet.
  try {
    await probe.connect();
    return true;
  } catch {
    return false; // As above.
  } finally {
    probe.disconnect();
  }
}
