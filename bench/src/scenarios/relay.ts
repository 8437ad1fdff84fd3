import { runSource, type Sink } from "../load.ts";
import type { System } from "../systems/system.ts";
import type { Amount, Scenario } from "./scenario.ts";

/** Client → system → next hop, kept connections: until the sink has everything. */
export const relay: Scenario = { name: "relay", hold: false, run: runRelay };

/** @param messageFile Of `amount`: what is sent, instead of a content of its size. */
export async function runRelay(system: System, sink: Sink, amount: Amount): Promise<Readonly<Record<string, number>>> {
  const { messages, connections, size, messageFile } = amount;
  const load = { port: system.port, connections, size, messageFile, recipient: "user@sink.test" };
  // Warm up: code is compiled, which takes some thousand messages, processes are forked, files have grown.
  const warmUp = Math.min(8_000, messages);
  await runSource({ ...load, messages: warmUp });
  await sink.received(warmUp, 120_000);
  const cpu = system.account.cpuSeconds();
  const start = performance.now();
  await runSource({ ...load, messages });
  await sink.received(warmUp + messages, 300_000);
  const seconds = (performance.now() - start) / 1000;
  return {
    "messages/s": messages / seconds,
    "CPU-s per 1,000": ((system.account.cpuSeconds() - cpu) / messages) * 1000,
    "resident MB": system.account.residentOctets() / 1e6,
  };
}
