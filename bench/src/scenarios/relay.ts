import { runSource, type Sink, warmUp } from "../load.ts";
import type { System } from "../systems/system.ts";
import type { Amount, Scenario } from "./scenario.ts";

/** Client → system → next hop, kept connections: until the sink has everything. */
export const relay: Scenario = { name: "relay", hold: false, run: runRelay };

/** @param messageFile Of `amount`: what is sent, instead of a content of its size. */
export async function runRelay(system: System, sink: Sink, amount: Amount): Promise<Readonly<Record<string, number>>> {
  const { messages, connections, size, messageFile } = amount;
  const load = { port: system.port, connections, size, messageFile, messages, recipient: "user@sink.test" };
  const before = await warmUp(load);
  await sink.received(before, 120_000);
  const cpu = system.account.cpuSeconds();
  const start = performance.now();
  await runSource(load);
  await sink.received(before + messages, 300_000);
  const seconds = (performance.now() - start) / 1000;
  return {
    "messages/s": messages / seconds,
    "CPU-s per 1,000": ((system.account.cpuSeconds() - cpu) / messages) * 1000,
    "resident MB": system.account.residentOctets() / 1e6,
  };
}
