import type { ScanServer } from "@postbus/contracts";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { EngineError } from "../hosts/engine-error.ts";
import type { EngineHosts } from "../hosts/engine-hosts.ts";
import { exchange } from "../hosts/exchange.ts";
import { serverName } from "../hosts/server-name.ts";
import type { ScannedMessage } from "../message/scanned-message.ts";

/** With all symbols and their options. */
const MAX_ANSWER_OCTETS = 1024 * 1024;

export interface RspamdQuestion {
  readonly server: ScanServer;
  /** Whose preferences count (`Deliver-To`). */
  readonly user?: string;
  /** Name of the settings that are to be applied. */
  readonly settingsId?: string;
  /** Those it is asked about; absent: all of the message. */
  readonly recipients?: readonly string[];
  readonly retryMs?: number;
}

const Answer = Compile(
  Type.Object({
    score: Type.Number(),
    /** Null: nothing is rejected here, whatever its score. */
    required_score: Type.Union([Type.Number(), Type.Null()]),
    action: Type.String(),
    symbols: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object({
          score: Type.Optional(Type.Number()),
          options: Type.Optional(Type.Array(Type.String())),
        }),
      ),
    ),
    messages: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
);

export interface RspamdAnswer {
  readonly score: number;
  /** Beyond every score, where rspamd is told to reject nothing. */
  readonly threshold: number;
  /** `no action`, `greylist`, `add header`, `rewrite subject`, `soft reject`, `reject`. */
  readonly action: string;
  readonly symbols: ReadonlyMap<string, { readonly score: number; readonly options: readonly string[] }>;
  /** What rules have to say, for people. */
  readonly messages: readonly string[];
}

/**
 * Has rspamd look at a message (HTTP, `POST /checkv2`; rspamd's documentation, "Protocol").
 *
 * @throws {DeferError} it could not tell. What reading the message throws.
 */
export function askRspamd(
  hosts: EngineHosts,
  question: RspamdQuestion,
  message: ScannedMessage,
  signal: AbortSignal,
): Promise<RspamdAnswer> {
  const { server, retryMs = 0 } = question;
  return hosts.ask({ program: "rspamd", server, message, signal }, async (about, inTime) => {
    const options = { server, signal: inTime, retryMs, maxAnswerOctets: MAX_ANSWER_OCTETS, endsRequest: false };
    return readRspamdAnswer(bodyOf(await exchange(request(question, about), options)));
  });
}

/** @throws {EngineError} */
export function readRspamdAnswer(text: string): RspamdAnswer {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch (err) {
    throw new EngineError("its answer is no JSON", { cause: err });
  }
  if (!Answer.Check(said)) throw new EngineError("its answer has no score or no action");
  const { score, required_score: threshold, action, symbols = {}, messages = {} } = said;
  return {
    score,
    threshold: threshold ?? Number.MAX_VALUE,
    action,
    symbols: new Map(
      Object.entries(symbols).map(([name, { score: own = 0, options = [] }]) => [name, { score: own, options }]),
    ),
    messages: Object.values(messages).filter((line) => typeof line === "string"),
  };
}

/** HTTP/1.0: it closes behind its answer, and cuts it into no chunks. */
async function* request(
  { server, user, settingsId, recipients }: RspamdQuestion,
  message: ScannedMessage,
): AsyncGenerator<Buffer> {
  const { client, returnPath, messageId, size } = message;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ["Host", "host" in server ? serverName(server) : "localhost"],
    ["Content-Length", `${size}`],
    ["Queue-Id", messageId],
    ["IP", client.address],
    ["Helo", client.helo],
    ["Hostname", client.name],
    // Who has shown to be somebody: other rules apply to mail of our own users.
    ["User", client.authenticatedId],
    ["From", `<${returnPath}>`],
    ...(recipients ?? message.recipients).map((recipient) => ["Rcpt", `<${recipient}>`] as const),
    ["Deliver-To", user],
    ["Settings-ID", settingsId],
  ];
  const lines = fields.flatMap(([name, value = ""]) => (value === "" ? [] : [`${name}: ${clean(value)}\r\n`]));
  yield Buffer.from(`POST /checkv2 HTTP/1.0\r\n${lines.join("")}\r\n`, "latin1");
  yield* message.octets();
}

/** What peers say must not become a field of its own. */
const clean = (value: string): string => value.replaceAll(/[^\x20-\x7e\x80-\xff]/g, "");

/** @throws {EngineError} */
function bodyOf(answer: Buffer): string {
  const end = answer.indexOf("\r\n\r\n");
  const head = answer.toString("latin1", 0, Math.max(end, 0));
  const code = /^HTTP\/1\.[01] ([0-9]{3})/.exec(head)?.[1];
  if (code === undefined)
    throw new EngineError(answer.length === 0 ? "closed without an answer" : "its answer is no HTTP");
  if (code !== "200") throw new EngineError(`it says ${code}`, { isRefusal: code.startsWith("4") });
  const body = answer.subarray(end + 4);
  const length = /^Content-Length:[ \t]*([0-9]+)[ \t]*$/im.exec(head)?.[1];
  if (length !== undefined && body.length < Number(length)) throw new EngineError("half an answer");
  return body.toString("utf8");
}
