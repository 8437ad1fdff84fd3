import type { ScanServer } from "@postbus/contracts";
import { EngineError } from "../hosts/engine-error.ts";
import type { EngineHosts } from "../hosts/engine-hosts.ts";
import { exchange } from "../hosts/exchange.ts";
import { mailboxHead } from "../message/mailbox-form.ts";
import type { ScannedMessage } from "../message/scanned-message.ts";

/** A report has some hundred lines at most. */
const MAX_ANSWER_OCTETS = 256 * 1024;

export interface SpamdQuestion {
  readonly server: ScanServer;
  /** `REPORT`: what each rule has said, for people. `SYMBOLS`: names of rules, comma-separated. */
  readonly command: "REPORT" | "SYMBOLS";
  /** Whose preferences count. */
  readonly user: string;
  readonly retryMs?: number;
}

export interface SpamdAnswer {
  readonly score: number;
  readonly threshold: number;
  /** What the command has asked for; lines with LF. */
  readonly text: string;
}

/**
 * Has SpamAssassin's spamd look at a message (its protocol, version 1.2).
 *
 * @throws {DeferError} it could not tell. What reading the message throws.
 */
export function askSpamd(
  hosts: EngineHosts,
  { server, command, user, retryMs = 0 }: SpamdQuestion,
  message: ScannedMessage,
  signal: AbortSignal,
): Promise<SpamdAnswer> {
  return hosts.ask({ program: "spamd", server, message, signal }, async (about, inTime) => {
    const options = { server, signal: inTime, retryMs, maxAnswerOctets: MAX_ANSWER_OCTETS, endsRequest: true };
    const answer = await exchange(request(command, user, about), options);
    return readSpamdAnswer(answer.toString("latin1"));
  });
}

async function* request(command: string, user: string, message: ScannedMessage): AsyncGenerator<Buffer> {
  const head = mailboxHead(message, Date.now());
  const lines = [
    `${command} SPAMC/1.2`,
    `User: ${user.replaceAll(/[^\x20-\x7e\x80-\xff]/g, "")}`,
    `Content-length: ${head.length + message.size}`,
  ];
  yield Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]);
  yield* message.octets();
}

const NUMBER = "([+-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:e[+-]?[0-9]{1,3})?)";
const STATUS_LINE = /^SPAMD\/[0-9.]+ ([0-9]+) ([A-Z_]+)/;
const VERDICT_LINE = new RegExp(`^Spam: *(?:True|False|Yes|No) *; *${NUMBER} */ *${NUMBER} *$`, "im");
const LENGTH_LINE = /^Content-length: *([0-9]+) *$/im;

/** @throws {EngineError} */
export function readSpamdAnswer(answer: string): SpamdAnswer {
  const [status = "", code] = STATUS_LINE.exec(answer) ?? [];
  // Of programs that speak as it does, some end their lines in LF.
  const gap = /\r?\n\r?\n/.exec(answer);
  const end = gap?.index ?? -1;
  const head = answer.slice(0, end).replaceAll("\r", "");
  const text = answer.slice(end + (gap?.[0].length ?? 0));
  if (status === "" || end === -1)
    throw new EngineError(answer === "" ? "closed without an answer" : "half an answer, or none");
  if (code !== "0") throw new EngineError(`it says ${status}`, { isRefusal: code !== "75" });
  const [, score, threshold] = (VERDICT_LINE.exec(head) ?? []).map(Number);
  if (!Number.isFinite(score) || !Number.isFinite(threshold) || score === undefined || threshold === undefined)
    throw new EngineError("its answer has no score");
  const length = LENGTH_LINE.exec(head)?.[1];
  if (length !== undefined && text.length < Number(length)) throw new EngineError("half an answer");
  return { score, threshold, text: text.replaceAll("\r", "") };
}
