import { askDccifd } from "../clients/dccifd.ts";
import type { Engine } from "./engine.ts";

/** Is it bulk? The DCC counts how often it is asked, and greylists: a message that comes again is a question of its own. */
export const dcc: Engine<"dcc"> = {
  keeps: "message",
  async scan(task, message, hosts, signal) {
    return { verdict: await askDccifd(hosts, task, message, signal), isForNow: false };
  },
};
