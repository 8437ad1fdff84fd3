import type { Evaluation } from "../expansion/evaluation.ts";
import type { Value } from "../expansion/value.ts";
import type { AclStage } from "../options/acl/stage.ts";
import type { Acls } from "./acls.ts";
import type { StatementRecord } from "./decision-record.ts";
import type { AclSession } from "./session.ts";

/**
 * Statements that one run may come by, those of called ACLs included: with 20 levels of calls a few lines could else keep
 * a service busy for ever.
 */
const MAX_STATEMENTS = 10_000;
/** Records kept of one run. */
const MAX_RECORDS = 1_000;
/** As in Exim. */
export const MAX_DEPTH = 20;

/** @property text Why, for the client, below the heading. @property log The same for the log. */
export interface SenderFailure {
  readonly address: string;
  readonly heading: string | undefined;
  readonly text: string | undefined;
  readonly log: string | undefined;
}

/** One run of the ACL of one stage, with all that it calls. */
export class AclRun {
  readonly stage: AclStage;
  readonly session: AclSession;
  readonly acls: Acls;
  readonly records: StatementRecord[] = [];
  depth = 0;
  /** For the client, as far as it is known: of the last condition or statement that had one. */
  message: Value | undefined;
  log: string | undefined;
  /** A temporary refusal shows `message` to the client; else it is told no more than "try later". */
  hasDetails = false;
  /** The sender that could not be verified in this run. */
  senderFailure: SenderFailure | undefined;
  /** What the trace says about the condition that is being tested. */
  note: string | undefined;
  #statements = 0;

  constructor(stage: AclStage, session: AclSession, acls: Acls) {
    this.stage = stage;
    this.session = session;
    this.acls = acls;
  }

  get evaluation(): Evaluation {
    return this.session.evaluation;
  }

  /** At the beginning of a statement. @returns whether it may be run. */
  countStatement(): boolean {
    this.#statements += 1;
    return this.#statements <= MAX_STATEMENTS;
  }

  keep(record: StatementRecord): void {
    if (this.records.length < MAX_RECORDS) this.records.push(record);
  }
}
