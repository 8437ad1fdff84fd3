import { type Static, Type } from "typebox";
import { BmiAnswer, BmiTask } from "./bmi-scan.ts";
import { DccTask, DccVerdict } from "./dcc-scan.ts";
import { MalwareTask, MalwareVerdict } from "./malware-scan.ts";
import { SpamTask, SpamVerdict } from "./spam-scan.ts";

/** gateway → scanner, behind the final dot: one engine is asked about the content that comes with the question. */
export const scanSubject = "scan.content";

/** What is asked; `engine` says of whom. Everything that the policy says of it is in here: scanner reads no policy. */
export const ScanTask = Type.Union([DccTask, MalwareTask, SpamTask, BmiTask]);
export type ScanTask = Static<typeof ScanTask>;

export const ScanRequest = Type.Object(
  {
    v: Type.Literal(2),
    messageId: Type.String({ minLength: 1 }),
    client: Type.Object(
      {
        address: Type.String(),
        helo: Type.String(),
        /** Of the host, where it was looked up. */
        name: Type.Optional(Type.String()),
        /** Who it has shown to be. */
        authenticatedId: Type.Optional(Type.String()),
      },
      { additionalProperties: false },
    ),
    /** Empty for the null reverse-path. */
    returnPath: Type.String(),
    /** In the order of their RCPT commands; of very many, the first. */
    recipients: Type.Array(Type.String()),
    /**
     * The header section as ACLs have left it so far, our own Received field on top, with the blank line behind it: octets,
     * CRLF line ends. It takes the place of so many octets of the content.
     */
    header: Type.Object(
      { text: Type.String(), replaces: Type.Integer({ minimum: 0 }) },
      { additionalProperties: false },
    ),
    task: ScanTask,
    /** For everything that is done to answer it. */
    timeoutMs: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
);
export type ScanRequest = Static<typeof ScanRequest>;

/** What the engine has said. */
export const ScanVerdict = Type.Union([DccVerdict, MalwareVerdict, SpamVerdict, BmiAnswer]);
export type ScanVerdict = Static<typeof ScanVerdict>;

export const ScanAnswer = Type.Union([
  Type.Object(
    { v: Type.Literal(2), state: Type.Literal("scanned"), verdict: ScanVerdict },
    { additionalProperties: false },
  ),
  /** A temporary error: nobody may take that for "clean". */
  Type.Object(
    { v: Type.Literal(2), state: Type.Literal("failed"), reason: Type.String() },
    { additionalProperties: false },
  ),
]);
export type ScanAnswer = Static<typeof ScanAnswer>;
