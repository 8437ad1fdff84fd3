import { type Static, Type } from "typebox";
import { ScanServer } from "../scan/scan-server.ts";

/** What every engine has. */
const common = {
  name: Type.String({ minLength: 1 }),
  server: ScanServer,
  /** For its whole answer. */
  timeoutMs: Type.Integer({ minimum: 1 }),
  /** Larger messages are not shown to it; absent: it gets all. */
  maxOctets: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Without its answer there is a verdict all the same, as if it had found nothing. */
  isOptional: Type.Optional(Type.Literal(true)),
};

/** A program that looks into messages. */
export const BmiEngine = Type.Union([
  Type.Object({ ...common, driver: Type.Literal("rspamd") }, { additionalProperties: false }),
  /** `user`: whose preferences count, where a profile does not say. */
  Type.Object({ ...common, driver: Type.Literal("spamd"), user: Type.String() }, { additionalProperties: false }),
  Type.Object({ ...common, driver: Type.Literal("clamd") }, { additionalProperties: false }),
]);
export type BmiEngine = Static<typeof BmiEngine>;

/** How the message is looked at for recipients that have asked for it. */
export const BmiProfile = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    /** Whoever has one of these strings has this profile, if none before it. */
    optin: Type.Array(Type.String()),
    /** Id of the settings that rspamd is to use. */
    settings: Type.Optional(Type.String()),
    /** Whose preferences count. */
    user: Type.Optional(Type.String()),
    /** Names of the engines that are asked; absent: all. */
    engines: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: false },
);
export type BmiProfile = Static<typeof BmiProfile>;

/** Of an engine's answer. All that is there must hold, of the same answer; of a list, one of its items. */
const test = {
  /** Names of those whose answers count; absent: any. */
  engines: Type.Optional(Type.Array(Type.String())),
  /** Names of symbols or tests that have fired; a `*` stands for any characters. */
  symbols: Type.Optional(Type.Array(Type.String())),
  /** What the engine recommends. */
  actions: Type.Optional(Type.Array(Type.String())),
  /** The engine takes it for spam, or does not. */
  isSpam: Type.Optional(Type.Boolean()),
  /** At least. */
  score: Type.Optional(Type.Number()),
  /** Names of what was found; a `*` stands for any characters. */
  malware: Type.Optional(Type.Array(Type.String())),
};
export const BmiTest = Type.Object(test, { additionalProperties: false });
export type BmiTest = Static<typeof BmiTest>;

/** Names of profiles that a rule or a destination is for; absent: for all. */
const profiles = Type.Optional(Type.Array(Type.String()));

export const BmiRule = Type.Object(
  { number: Type.Integer({ minimum: 1 }), profiles, test: BmiTest },
  { additionalProperties: false },
);
export type BmiRule = Static<typeof BmiRule>;

export const BmiDestination = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    profiles,
    /** Numbers of rules of which one must have fired. */
    rules: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }))),
    /** Absent: nothing is asked of the engines' answers. */
    test: Type.Optional(BmiTest),
    to: Type.Union([
      Type.Literal("default"),
      Type.Literal("drop"),
      Type.Object({ alt: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    ]),
  },
  { additionalProperties: false },
);
export type BmiDestination = Static<typeof BmiDestination>;

/** How messages are scanned, and what follows from the answers: what the file says that `bmi_config_file` names. */
export const BmiSetup = Type.Object(
  {
    engines: Type.Array(BmiEngine, { minItems: 1 }),
    profiles: Type.Array(BmiProfile),
    rules: Type.Array(BmiRule),
    /** The first that applies counts; none: `default`. */
    destinations: Type.Array(BmiDestination),
  },
  { additionalProperties: false },
);
export type BmiSetup = Static<typeof BmiSetup>;
