import { runSource } from "../load.ts";
import type { Scenario } from "./scenario.ts";

/** What a next hop takes for each message. */
const SINK_DELAY_MS = 100;

/**
 * Relay to a host that answers slowly: what is delivered at once, not the processor, is the limit, so that more processes
 * of delivery deliver more (`--systems fleet,fleet-3`).
 */
export const replicas: Scenario = {
  name: "replicas",
  hold: false,
  sinkDelayMs: SINK_DELAY_MS,
  async run(system, sink, { messages, connections, size }) {
    const start = performance.now();
    await runSource({ port: system.port, messages, connections, size, recipient: "user@sink.test" });
    await sink.received(messages, 300_000);
    const seconds = (performance.now() - start) / 1000;
    return { "messages/s": messages / seconds };
  },
};
