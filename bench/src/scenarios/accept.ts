import { runSource, warmUp } from "../load.ts";
import type { Scenario } from "./scenario.ts";

/** Only accepting, durably; nothing is delivered. @param reconnect One connection a message. */
export function accept(reconnect: boolean): Scenario {
  return {
    name: reconnect ? "accept-reconnect" : "accept",
    hold: true,
    async run(system, _sink, { messages, connections, size }) {
      const load = { port: system.port, connections, size, messages, recipient: "user@sink.test", reconnect };
      await warmUp(load);
      const cpu = system.account.cpuSeconds();
      const seconds = await runSource(load);
      return {
        "messages/s": messages / seconds,
        "CPU-s per 1,000": ((system.account.cpuSeconds() - cpu) / messages) * 1000,
        "resident MB": system.account.residentOctets() / 1e6,
      };
    },
  };
}
