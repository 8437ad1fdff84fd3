import { type Static, Type } from "typebox";
import { ScanServer } from "./scan-server.ts";

/** One of `spamd_address`. */
const SpamServer = Type.Object(
  {
    server: ScanServer,
    /** `spamd`: SpamAssassin's protocol; `rspamd`: HTTP. */
    protocol: Type.Enum(["spamd", "rspamd"]),
    /** Those with a larger number come first. */
    priority: Type.Integer(),
    /** Among those of one priority, how often it comes first. */
    weight: Type.Integer({ minimum: 0 }),
    /** As of `MalwareTask`. */
    retryMs: Type.Integer({ minimum: 0 }),
    /** For its answer. */
    timeoutMs: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
);

/** What SpamAssassin or rspamd is asked: how much does it look like spam? */
export const SpamTask = Type.Object(
  {
    engine: Type.Literal("spam"),
    /** Whose preferences count. */
    user: Type.String(),
    servers: Type.Array(SpamServer, { minItems: 1 }),
  },
  { additionalProperties: false },
);
export type SpamTask = Static<typeof SpamTask>;

export const SpamVerdict = Type.Object(
  {
    engine: Type.Literal("spam"),
    score: Type.Number(),
    /** From this score on it is spam. */
    threshold: Type.Number(),
    /** What the engine recommends: `reject`, `no action`, and what else rspamd has. */
    action: Type.String(),
    /** Lines with LF. */
    report: Type.String(),
  },
  { additionalProperties: false },
);
export type SpamVerdict = Static<typeof SpamVerdict>;
