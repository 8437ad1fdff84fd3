import { runRelay } from "./relay.ts";
import type { Scenario } from "./scenario.ts";

/** As `relay`, of signed messages whose sender is verified: SPF and DKIM. */
export const filter: Scenario = { name: "filter", hold: false, isFiltered: true, run: runRelay };
