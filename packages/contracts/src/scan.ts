import { type Static, Type } from "typebox";

/** gateway → scanner, at the final dot. */
export const scanSubject = "scan.content";

export const ScanRequest = Type.Object(
  { v: Type.Literal(1), messageId: Type.String({ minLength: 1 }), recipients: Type.Array(Type.String()) },
  { additionalProperties: false },
);
export type ScanRequest = Static<typeof ScanRequest>;

export const ScanAnswer = Type.Object(
  {
    v: Type.Literal(1),
    /** `no engine configured`: nothing was looked at, and nobody may take that for "clean". */
    state: Type.Union([Type.Literal("no engine configured"), Type.Literal("scanned")]),
  },
  { additionalProperties: false },
);
export type ScanAnswer = Static<typeof ScanAnswer>;
