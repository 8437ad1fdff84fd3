import { BenchClient } from "../bench-client.ts";
import { quantile } from "./quantile.ts";
import type { Scenario } from "./scenario.ts";

const PER_SECOND = 30;
const SECONDS = 20;
const CONNECTIONS = 4;
const WARM_UP = 200;

/**
 * How long a client waits at a quiet hour: messages that come one by one at a fixed rate, over kept connections. From the
 * end of the content to its 250, and from MAIL on.
 */
export const latency: Scenario = {
  name: "latency",
  hold: true,
  async run(system, _sink, { size }) {
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => BenchClient.open(system.port)));
    for (let n = 0; n < WARM_UP; n++) await clients[n % CONNECTIONS]?.send(size);
    const dots: number[] = [];
    const wholes: number[] = [];
    const start = performance.now();
    // By the clock, not by the answers: a slow answer must not make the next client come later.
    const turns = clients.map(async (client, at) => {
      for (let n = at; n < PER_SECOND * SECONDS; n += CONNECTIONS) {
        const due = start + (n * 1000) / PER_SECOND;
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
        const { dotMs, wholeMs } = await client.send(size);
        dots.push(dotMs);
        wholes.push(wholeMs);
      }
    });
    await Promise.all(turns);
    for (const client of clients) client.close();
    return {
      "ms from the dot, p50": quantile(dots, 0.5),
      "ms p99": quantile(dots, 0.99),
      "ms from MAIL, p50": quantile(wholes, 0.5),
      "ms p99 of that": quantile(wholes, 0.99),
    };
  },
};
