import { type Static, Type } from "typebox";
import { ScanVerdict } from "./scan.ts";

/** scanner → every scanner, by `broadcast`: what engines are being asked, and what they have said. */
export const scanNewsSubject = "control.scanned";

const closed = { additionalProperties: false };
/** What was asked, and about what: a digest. */
const key = Type.String({ minLength: 1, maxLength: 1_000 });
const common = {
  v: Type.Literal(1),
  /** As in `FleetMember`: who tells. */
  instance: Type.String(),
  key,
};

export const ScanNews = Type.Union([
  Type.Object({ ...common, state: Type.Literal("asked"), forMs: Type.Integer({ minimum: 1 }) }, closed),
  /** `keeps`: under which keys the verdict counts, and how long. */
  Type.Object(
    {
      ...common,
      state: Type.Literal("scanned"),
      keeps: Type.Array(Type.Object({ key, forMs: Type.Integer({ minimum: 1 }) }, closed), { maxItems: 2 }),
      verdict: ScanVerdict,
    },
    closed,
  ),
  /** There is no verdict that others could use. */
  Type.Object({ ...common, state: Type.Literal("over") }, closed),
]);
export type ScanNews = Static<typeof ScanNews>;
