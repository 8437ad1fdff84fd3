import { peakDuring } from "../account.ts";
import { runSource } from "../load.ts";
import type { Scenario } from "./scenario.ts";

const SIZE = 25_000_000;
const SMALL = 200;
/** What one leaves to the garbage collector, the next one adds to. */
const LARGE = 3;

/**
 * Messages of 25 MB, one after the other, behind small ones: what they add to the peak. To the next hop only; what a
 * signed one for a mailbox adds is in test/faults/large-message.test.ts.
 */
export const large: Scenario = {
  name: "large",
  hold: false,
  async run(system, sink) {
    const load = { port: system.port, connections: 1, recipient: "user@sink.test" };
    await runSource({ ...load, messages: SMALL, size: 4096 });
    await sink.received(SMALL, 60_000);
    const before = system.account.residentOctets();
    const start = performance.now();
    const send = async (): Promise<void> => {
      for (let n = 1; n <= LARGE; n++) {
        await runSource({ ...load, messages: 1, size: SIZE });
        await sink.received(SMALL + n, 120_000);
      }
    };
    const { peak } = await peakDuring(() => system.account.residentOctets(), send());
    return { "MB above before": (peak - before) / 1e6, "s for each": (performance.now() - start) / 1000 / LARGE };
  },
};
