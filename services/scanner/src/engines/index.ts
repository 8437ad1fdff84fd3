import { bmi } from "./bmi/bmi.ts";
import { dcc } from "./dcc.ts";
import type { Engine, EngineName } from "./engine.ts";
import { malware } from "./malware.ts";
import { spam } from "./spam.ts";

/** Who answers what. */
export const engines: { readonly [Name in EngineName]: Engine<Name> } = { bmi, dcc, malware, spam };
