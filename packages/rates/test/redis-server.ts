import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, program, stopProcess } from "@postbus/testkit";

const path = program("redis-server") ?? program("valkey-server");

/** Why there is no Redis here; undefined: there is one. */
export const redisIsMissing = path === undefined ? "no redis-server and no valkey-server on this machine" : undefined;

/** A real Redis (or Valkey) on a free port, without persistence. */
export async function startRedis(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  if (path === undefined) throw new Error("no Redis here");
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn(path, args, { stdio: "ignore" });
  const started = Date.now();
  while (!(await answers(port))) {
    if (Date.now() - started > 10_000) throw new Error("redis: not started");
    await delay(20);
  }
  return { port, stop: () => stopProcess(child) };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false; // Not there yet.
  } finally {
    socket.destroy();
  }
}
