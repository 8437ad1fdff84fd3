import type { DecisionStage, DecisionStep } from "@postbus/contracts";
import { type AclAnswer, type DecisionRecord, formatPlace, withoutKeys } from "@postbus/policy";

type StatementRecord = DecisionRecord["statements"][number];
type CheckRecord = StatementRecord["checks"][number];

/** The decision of one stage, as it is kept until somebody wants to see it. */
export interface KeptDecision {
  readonly answer: AclAnswer;
  /** The first and the last that were reached. */
  readonly statements: readonly StatementRecord[];
  readonly about: string | undefined;
  readonly tookUs: number;
}

/** Statements that are kept of one stage; half of them from the beginning. */
const MAX_STEPS = 40;
/** Of a reply, a line of the log, a note, an address. */
const MAX_TEXT = 200;
/** What a step and what a condition takes besides its texts, about. */
const STEP_OCTETS = 70;
const CHECK_OCTETS = 40;

/** Lets go of what is too much to keep. */
export function keptDecision(answer: AclAnswer, about: string | undefined, tookUs: number): KeptDecision {
  const { statements } = answer.record;
  const some =
    statements.length <= MAX_STEPS
      ? statements
      : [...statements.slice(0, MAX_STEPS / 2), ...statements.slice(-MAX_STEPS / 2)];
  return { answer, statements: some, about, tookUs };
}

/** Octets that are left for the steps of a record. */
export interface StepRoom {
  octets: number;
}

/** As an event shows it. Where there is no room any more, of all steps only the one that has decided. */
export function decisionStage({ answer, statements, about, tookUs }: KeptDecision, room: StepRoom): DecisionStage {
  const { record, verdict, isTemporary, reply } = answer;
  // What a client says behind AUTH may be a password, and policies repeat what clients say.
  const isSecret = record.stage === "auth";
  const all = statements.map((statement) => decisionStep(statement, isSecret));
  room.octets -= all.reduce((octets, step) => octets + octetsOf(step), 0);
  const steps = room.octets >= 0 ? all : all.filter(({ decides, depth }) => decides === true && depth === undefined);
  const omittedSteps = record.statements.length - steps.length;
  const says = reply === undefined ? undefined : textOf(reply, isSecret);
  return {
    stage: record.stage,
    ...(about === undefined ? {} : { about: cut(about) }),
    verdict,
    ...(isTemporary ? { isTemporary } : {}),
    tookUs,
    ...(says === undefined ? {} : { reply: says }),
    ...(record.log === undefined || isSecret ? {} : { log: cut(withoutSource(record.log)) }),
    steps,
    ...(omittedSteps === 0 ? {} : { omittedSteps }),
  };
}

/** A policy's source may have a password in it; what is wrong with it stands behind. */
const withoutSource = (log: string): string =>
  log.replace(/failed to expand ((?:ACL \w+ )?)"[\s\S]*": /, "failed to expand $1…: ");

function decisionStep(
  { acl, depth, verb, place, checks, outcome, decides }: StatementRecord,
  isSecret: boolean,
): DecisionStep {
  return {
    acl,
    ...(depth === 0 ? {} : { depth }),
    verb,
    at: formatPlace(place),
    checks: checks.map((check) => decisionCheck(check, isSecret)),
    outcome,
    ...(decides ? { decides } : {}),
  };
}

function decisionCheck(
  { check, said, note, waitedUs }: CheckRecord,
  isSecret: boolean,
): DecisionStep["checks"][number] {
  const { name, isNegated, plainValue, line } = check;
  return {
    name: isNegated ? `!${name}` : name,
    ...(plainValue === undefined ? {} : { value: plainValue }),
    said,
    line,
    ...(note === undefined || isSecret ? {} : { note: cut(name === "dnslists" ? withoutKeys(note) : note) }),
    ...(waitedUs === undefined ? {} : { waitedUs }),
  };
}

function octetsOf({ acl, at, checks }: DecisionStep): number {
  let octets = STEP_OCTETS + acl.length + at.length;
  for (const { name, value = "", note = "" } of checks)
    octets += CHECK_OCTETS + name.length + value.length + note.length;
  return octets;
}

function textOf({ code, status, lines }: NonNullable<AclAnswer["reply"]>, isSecret: boolean): string {
  if (isSecret) return String(code);
  return cut([code, status, lines[0]].filter((word) => word !== undefined).join(" "));
}

/** Peers' words are in it. */
const cut = (text: string): string => text.slice(0, MAX_TEXT).replaceAll(/[^ -~\x80-\xff…]/g, " ");
