import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../../src/hosts/engine-error.ts";
import { EngineHosts } from "../../src/hosts/engine-hosts.ts";
import { probeMessage } from "../../src/hosts/probe-message.ts";
import { messageOf } from "../scan-lab.ts";

const server = { host: "127.0.0.1", port: 1 };
const message = (returnPath: string) =>
  messageOf({ engine: "malware", scanner: "clamd", servers: [{ server, retryMs: 0 }] }, { returnPath });

test("while it is looked whether an engine works, nobody waits longer than they have time", async () => {
  const hosts = new EngineHosts(5);
  const about = (name: string, ms: number) => ({
    ...({ program: "clamd", server, message: message(name) } as const),
    signal: AbortSignal.timeout(ms),
  });
  for (let i = 0; i < 5; i++) {
    const asked = hosts.ask(about(`${i}@a.test`, 60_000), () => Promise.reject(new EngineError("half an answer")));
    await assert.rejects(asked, /half an answer/);
  }
  const { promise: probed, resolve: answer } = Promise.withResolvers<void>();
  const use = async (which: unknown) => {
    if (which === probeMessage) await probed;
    return "an answer";
  };
  await assert.rejects(hosts.ask(about("6@a.test", 50), use), /^DeferError: clamd 127\.0\.0\.1:1: no answer in time/);
  const patient = hosts.ask(about("7@a.test", 60_000), use);
  answer();
  assert.equal(await patient, "an answer");
});
