import { BenchClient } from "../bench-client.ts";
import type { Scenario } from "./scenario.ts";

/** Opened at one time. */
const STEP = 50;

/** Connections that have said EHLO and then nothing. 10,000 of them want `ulimit -n 11000` on both sides. */
export function idle(connections: number): Scenario {
  return {
    name: `idle-${connections}`,
    hold: false,
    async run(system) {
      const before = system.account.residentOctets();
      const clients: BenchClient[] = [];
      while (clients.length < connections) {
        const step = Math.min(STEP, connections - clients.length);
        clients.push(...(await Promise.all(Array.from({ length: step }, () => BenchClient.open(system.port)))));
      }
      const after = system.account.residentOctets();
      for (const client of clients) client.close();
      return { [`MB for ${connections} connections`]: (after - before) / 1e6 };
    },
  };
}
