import { runSource } from "../load.ts";
import type { Scenario } from "./scenario.ts";

/** What a next hop takes for each message. */
const SINK_DELAY_MS = 100;

/**
 * Relay to a host that answers slowly: what is delivered at once, not the processor, is the limit, so that more processes
 * of delivery deliver more (`--systems fleet,fleet-3`). While messages are still being accepted the processor is the limit
 * after all; so the rate that counts is the one from there on.
 */
export const replicas: Scenario = {
  name: "replicas",
  hold: false,
  sinkDelayMs: SINK_DELAY_MS,
  async run(system, sink, { messages, connections, size }) {
    const startMs = performance.now();
    await runSource({ port: system.port, messages, connections, size, recipient: "user@sink.test" });
    const acceptedMs = performance.now();
    const left = messages - (await sink.count());
    await sink.received(messages, 300_000);
    const endMs = performance.now();
    return {
      "messages/s": (left / (endMs - acceptedMs)) * 1_000,
      "messages/s from the first": (messages / (endMs - startMs)) * 1_000,
    };
  },
};
