import { runSource } from "../load.ts";
import type { Scenario } from "./scenario.ts";

/** Client → system → next hop, kept connections: until the sink has everything. */
export const relay: Scenario = {
  name: "relay",
  hold: false,
  async run(system, sink, { messages, connections, size }) {
    // Warm up: code is compiled, which takes some thousand messages, processes are forked, files have grown.
    const warmUp = Math.min(8_000, messages);
    await runSource({ port: system.port, messages: warmUp, connections, size, recipient: "user@sink.test" });
    await sink.received(warmUp, 120_000);
    const cpu = system.account.cpuSeconds();
    const start = performance.now();
    await runSource({ port: system.port, messages, connections, size, recipient: "user@sink.test" });
    await sink.received(warmUp + messages, 300_000);
    const seconds = (performance.now() - start) / 1000;
    return {
      "messages/s": messages / seconds,
      "CPU-s per 1,000": ((system.account.cpuSeconds() - cpu) / messages) * 1000,
      "resident MB": system.account.residentOctets() / 1e6,
    };
  },
};
