import type { Sink } from "../load.ts";
import type { System } from "../systems/system.ts";

export interface Amount {
  readonly messages: number;
  readonly connections: number;
  /** Octets of content. */
  readonly size: number;
}

export interface Scenario {
  readonly name: string;
  /** Nothing is delivered. */
  readonly hold: boolean;
  readonly isTls?: true;
  /** Mail for `dead.test` goes to a port where nobody listens. */
  readonly hasDeadHop?: true;
  /** The sink answers each message after so long. */
  readonly sinkDelayMs?: number;
  /** Figures by name; the first one is the one whose ratio is printed. */
  run(system: System, sink: Sink, amount: Amount): Promise<Readonly<Record<string, number>>>;
}
