import type { AclStage } from "../options/acl/stage.ts";
import type { AclVerb } from "../options/acl/verbs.ts";
import { formatPlace, type Place } from "../reader/problem.ts";
import type { Outcome, Said } from "./outcome.ts";

/** One condition or modifier that was reached. */
export interface CheckRecord {
  readonly check: {
    readonly name: string;
    readonly isNegated: boolean;
    /** As written. */
    readonly value: string;
    /** So much of it as anybody may see; undefined: nothing. */
    readonly plainValue: string | undefined;
    /** Of the file in which the statement stands, or of one that it includes. */
    readonly line: number;
  };
  /** Before the negation. */
  readonly said: Said;
  /** Why, where there is something to say. */
  readonly note?: string | undefined;
  /** Microseconds for which something had to be waited for; only where decisions are asked for (`AclHooks.decisions`). */
  readonly waitedUs?: number | undefined;
}

/** One statement that was reached. */
export interface StatementRecord {
  readonly acl: string;
  /** 0: the ACL of the stage; more: called by it. */
  readonly depth: number;
  readonly verb: AclVerb;
  readonly place: Place;
  readonly checks: CheckRecord[];
  outcome: Outcome;
  /** It is the last of its ACL that was reached: what it says is what the ACL says. */
  decides: boolean;
}

/** All that one run of an ACL came by, for traces and events. */
export interface DecisionRecord {
  readonly stage: AclStage;
  readonly verdict: Outcome;
  /** In the order in which they were finished: those of a called ACL before the statement that called it. */
  readonly statements: readonly StatementRecord[];
  /** What the log says about it. */
  readonly log: string | undefined;
}

/** The record in words, a line each. */
export function formatRecord({ stage, verdict, statements, log }: DecisionRecord): string[] {
  const lines = statements.map(({ acl, depth, verb, place, checks, outcome }) => {
    const told = checks.map(({ check, said, note }) => {
      const value = check.value.length > MAX_VALUE ? `${check.value.slice(0, MAX_VALUE)}…` : check.value;
      const why = note === undefined ? "" : ` (${note})`;
      return `${check.isNegated ? "!" : ""}${check.name} = ${value} -> ${said}${why}`;
    });
    return `${"  ".repeat(depth + 1)}${formatPlace(place)} ${acl}: ${verb}: ${[...told, outcome].join("; ")}`;
  });
  return [...lines, `${stage}: ${verdict}${log === undefined ? "" : `: ${log}`}`].map(oneLine);
}

const MAX_VALUE = 100;

/** A peer's words are in it. */
const oneLine = (text: string): string => text.replaceAll(/[^ -~\x80-\xff→…]/g, " ");
