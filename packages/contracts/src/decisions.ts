import { type Static, Type } from "typebox";

const closed = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
/** Microseconds. */
const SpanUs = Type.Integer({ minimum: 0 });

/** One condition or modifier of a statement that was reached. */
export const DecisionCheck = Type.Object(
  {
    /** As in the policy, with `!` in front where it is negated. */
    name: Type.String(),
    /** Of conditions and controls, as written, up to where something would be expanded: what comes out of it may be secret. */
    value: Type.Optional(Type.String()),
    /** Before the negation. `ignored`: its value was made to fail, so that it counts for nothing. */
    said: Type.Enum(["yes", "no", "drop", "discard", "defer", "error", "ignored"]),
    /** Of the policy file. */
    line: Type.Integer(),
    note: Type.Optional(Type.String()),
    /** For so long something outside had to be waited for. */
    waitedUs: Type.Optional(SpanUs),
  },
  closed,
);

/** One statement that was reached. */
export const DecisionStep = Type.Object(
  {
    acl: Type.String(),
    /** Absent: the ACL of the stage; 1: one that it has called, and so on. */
    depth: Type.Optional(Count),
    verb: Type.String(),
    /** `file:line` of the policy. */
    at: Type.String(),
    checks: Type.Array(DecisionCheck),
    /** What the conditions say together; the last of them is the one that has ended it. */
    outcome: Type.Enum(["yes", "no", "drop", "discard", "defer", "error"]),
    /** It was the one by which its ACL decided. Where none of an ACL has it, that ACL has come to its end. */
    decides: Type.Optional(Type.Literal(true)),
  },
  closed,
);
export type DecisionStep = Static<typeof DecisionStep>;

/** The ACL of one stage of the session, as it was run for one command. */
export const DecisionStage = Type.Object(
  {
    /** As in `acl_smtp_<stage>`. */
    stage: Type.String(),
    /** The recipient that was asked about. */
    about: Type.Optional(Type.String()),
    verdict: Type.Enum(["accept", "discard", "refuse", "drop"]),
    /** Of a refusal: the client may try again. */
    isTemporary: Type.Optional(Type.Literal(true)),
    /** From the first statement to the verdict, waiting included. */
    tookUs: SpanUs,
    /** First line of the policy's own reply; absent: the usual one. */
    reply: Type.Optional(Type.String()),
    /** What the log says about it. */
    log: Type.Optional(Type.String()),
    steps: Type.Array(DecisionStep),
    /** Steps that were left out from the middle, so that the record stays small. */
    omittedSteps: Type.Optional(Count),
  },
  closed,
);
export type DecisionStage = Static<typeof DecisionStage>;
