import { type Static, Type } from "typebox";
import { BmiSetup } from "../bmi/bmi-setup.ts";

/** What a BMI server would be asked: what is to become of the message, for each of its recipients? */
export const BmiTask = Type.Object(
  {
    engine: Type.Literal("bmi"),
    setup: BmiSetup,
    /** All of them, in the order of their RCPT commands, each with the strings that it has opted in with. */
    recipients: Type.Array(
      Type.Object(
        { address: Type.String({ minLength: 1 }), optin: Type.Array(Type.String()) },
        { additionalProperties: false },
      ),
      { minItems: 1 },
    ),
  },
  { additionalProperties: false },
);
export type BmiTask = Static<typeof BmiTask>;

/** Every recipient is in one of the verdicts. */
export const BmiAnswer = Type.Object(
  {
    engine: Type.Literal("bmi"),
    /** `encodeBmiVerdict`, each for some recipients. */
    verdicts: Type.Array(Type.String(), { minItems: 1 }),
    /** What is worth a line of the log: opt-in strings that nobody knows. */
    warnings: Type.Array(Type.String()),
  },
  { additionalProperties: false },
);
export type BmiAnswer = Static<typeof BmiAnswer>;
