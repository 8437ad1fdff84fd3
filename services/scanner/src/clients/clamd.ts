import type { ScanServer } from "@postbus/contracts";
import { EngineError } from "../hosts/engine-error.ts";
import type { EngineHosts } from "../hosts/engine-hosts.ts";
import { exchange } from "../hosts/exchange.ts";
import { mailboxHead } from "../message/mailbox-form.ts";
import type { ScannedMessage } from "../message/scanned-message.ts";

/** Names are short; clamd's own limit for a line is of this order. */
const MAX_ANSWER_OCTETS = 16 * 1024;

export interface ClamdQuestion {
  readonly server: ScanServer;
  readonly retryMs?: number;
}

/**
 * Has clamd look at a message (clamd(8), INSTREAM).
 *
 * @returns The name of what it has found; empty: nothing.
 * @throws {DeferError} it could not tell. What reading the message throws.
 */
export function askClamd(
  hosts: EngineHosts,
  { server, retryMs = 0 }: ClamdQuestion,
  message: ScannedMessage,
  signal: AbortSignal,
): Promise<string> {
  return hosts.ask({ program: "clamd", server, message, signal }, async (about, inTime) => {
    const options = { server, signal: inTime, retryMs, maxAnswerOctets: MAX_ANSWER_OCTETS, endsRequest: false };
    return readClamdAnswer((await exchange(instream(about), options)).toString("latin1"));
  });
}

/** Pieces, each behind its length; a length of 0 ends them. */
async function* instream(message: ScannedMessage): AsyncGenerator<Buffer> {
  yield Buffer.from("zINSTREAM\0", "latin1");
  for await (const octets of pieces(message)) {
    if (octets.length === 0) continue;
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(octets.length);
    yield length;
    yield octets;
  }
  yield Buffer.alloc(4);
}

async function* pieces(message: ScannedMessage): AsyncGenerator<Buffer> {
  yield mailboxHead(message, Date.now());
  yield* message.octets();
}

/**
 * `stream: OK`, `stream: <name> FOUND`, or an error; a NUL ends it.
 *
 * @throws {EngineError}
 */
export function readClamdAnswer(answer: string): string {
  const end = answer.indexOf("\0");
  if (end === -1) throw new EngineError(answer === "" ? "closed without an answer" : "half an answer");
  const line = answer.slice(0, end);
  const [, said = "", word] = /^[^:]*:\s*(?:(.*\S)\s+)?(OK|FOUND|ERROR)$/s.exec(line) ?? [];
  if (word === "OK" && said === "") return "";
  // Some builds say size and digest of the file behind the name.
  if (word === "FOUND" && said !== "") return said.replace(/(?<=.)\([^()]*\)$/, "");
  const shown = JSON.stringify(line.slice(0, MAX_SHOWN)).replaceAll(/[^ -~]/g, "?");
  if (word === "ERROR" || / ERROR$/.test(line)) throw new EngineError(`it says ${shown}`, { isRefusal: true });
  throw new EngineError(`nobody understands ${shown}`);
}

const MAX_SHOWN = 200;
