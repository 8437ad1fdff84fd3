import type { Spool } from "@postbus/spool";
import type { ProgramPipes } from "./program-pipes.ts";
import type { ProgramSlots } from "./program-slots.ts";

/** What deliveries to programs need. */
export interface ProgramDeps {
  readonly spool: Pick<Spool, "read">;
  readonly slots: ProgramSlots;
  readonly pipes: ProgramPipes;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
