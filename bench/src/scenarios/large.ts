import { peakDuring } from "../account.ts";
import { runSource } from "../load.ts";
import type { Scenario } from "./scenario.ts";

const SIZE = 25_000_000;

/** One message of 25 MB after a small one: what it adds to the peak. */
export const large: Scenario = {
  name: "large",
  hold: false,
  async run(system, sink) {
    const load = { port: system.port, connections: 1, recipient: "user@sink.test" };
    await runSource({ ...load, messages: 200, size: 4096 });
    await sink.received(200, 60_000);
    const before = system.account.residentOctets();
    const start = performance.now();
    const work = runSource({ ...load, messages: 1, size: SIZE }).then(() => sink.received(201, 120_000));
    const { peak } = await peakDuring(() => system.account.residentOctets(), work);
    return { "MB above before": (peak - before) / 1e6, "s until delivered": (performance.now() - start) / 1000 };
  },
};
