import type { Spool } from "@postbus/spool";
import type { ProgramSlots } from "./program-slots.ts";

/** What deliveries to programs need. */
export interface ProgramDeps {
  readonly spool: Pick<Spool, "read">;
  readonly slots: ProgramSlots;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
