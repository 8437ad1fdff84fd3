import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import type { Recipient } from "../envelope.ts";

/**
 * What the engines say about a message, for some of its recipients, as it stands in the octets of a verdict: names are
 * short, because every work item of the message carries it.
 */
const Octets = Type.Object(
  {
    v: Type.Literal(1),
    /** The recipients that it is about. */
    r: Type.Array(Type.String()),
    /** Where it goes; `alt`: elsewhere, with the text that says where. */
    d: Type.Union([
      Type.Literal("default"),
      Type.Literal("drop"),
      Type.Object({ alt: Type.String() }, { additionalProperties: false }),
    ]),
    /** Numbers of the rules that have fired. */
    f: Type.Array(Type.Integer({ minimum: 1 })),
    /** 1: it could not be found out. */
    e: Type.Union([Type.Literal(0), Type.Literal(1)]),
  },
  { additionalProperties: false },
);
export type BmiVerdictOctets = Static<typeof Octets>;

/** A verdict as it travels with a message: base64 without line ends, so that neither colons nor blanks are in it. */
export function encodeBmiVerdict(verdict: BmiVerdictOctets): string {
  return Buffer.from(JSON.stringify(verdict), "latin1").toString("base64");
}

/** What distinguishes a verdict from others, without whom it is about: `{"f":[5,8]}` in base64. */
export function encodeBmiTracker({ f }: Pick<BmiVerdictOctets, "f">): string {
  return Buffer.from(JSON.stringify({ f }), "latin1").toString("base64");
}

/** @returns undefined: it is none. */
export function decodeBmiVerdict(encoded: string): BmiVerdictOctets | undefined {
  try {
    const verdict: unknown = JSON.parse(Buffer.from(encoded, "base64").toString("latin1"));
    return Value.Check(Octets, verdict) ? verdict : undefined;
  } catch {
    // No JSON: of another program, perhaps.
    return undefined;
  }
}

/** Addresses are the same in any case of their letters, on both sides of the `@`; octets of UTF-8 are no letters here. */
export function bmiKey(address: string): string {
  return address.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** What of the verdicts is about some recipients, or those they come from: an item for few of many need not name them all. */
export function bmiVerdictsAbout(
  verdicts: readonly string[],
  recipients: readonly Pick<Recipient, "address" | "origin">[],
): string[] {
  const wanted = new Set(recipients.map(({ address, origin }) => bmiKey(origin?.parents.at(-1) ?? address)));
  return verdicts.flatMap((encoded) => {
    const verdict = decodeBmiVerdict(encoded);
    if (verdict === undefined) return [];
    const r = verdict.r.filter((address) => wanted.has(bmiKey(address)));
    if (r.length === verdict.r.length) return [encoded];
    return r.length === 0 ? [] : [encodeBmiVerdict({ ...verdict, r })];
  });
}
