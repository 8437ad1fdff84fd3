import type { DccTask, DccVerdict } from "@postbus/contracts";
import { EngineError } from "../hosts/engine-error.ts";
import type { EngineHosts } from "../hosts/engine-hosts.ts";
import { exchange } from "../hosts/exchange.ts";
import { withLineFeeds } from "../message/line-feeds.ts";
import type { ScannedMessage } from "../message/scanned-message.ts";

/** A letter for each recipient, and a header field. */
const MAX_ANSWER_OCTETS = 64 * 1024;
/** Octets of the field: what fits on a line (RFC 5322 §2.1.1). */
const MAX_FIELD = 998;

/**
 * Asks the DCC's interface daemon about a message (dccifd(8), and the text beside its protocol's constants): envelope and
 * message as lines that end in LF, then we close our side.
 *
 * @throws {DeferError} it could not tell. What reading the message throws.
 */
export function askDccifd(
  hosts: EngineHosts,
  task: DccTask,
  message: ScannedMessage,
  signal: AbortSignal,
): Promise<DccVerdict> {
  const { server } = task;
  return hosts.ask({ program: "dccifd", server, message, signal }, async (about, inTime) => {
    const options = { server, signal: inTime, maxAnswerOctets: MAX_ANSWER_OCTETS, endsRequest: true };
    const asked = about === message ? task : { ...task, ...ownQuestion(task, about) };
    return readDccifdAnswer((await exchange(request(asked, about), options)).toString("latin1"));
  });
}

/** About a message of our own: it is not to be counted, and no stranger's. */
const ownQuestion = ({ options }: DccTask, { client }: ScannedMessage) => ({
  options: `${options} query`.trim(),
  clientAddress: client.address,
  helo: client.helo,
});

async function* request(task: DccTask, message: ScannedMessage): AsyncGenerator<Buffer> {
  const { options, clientAddress, helo } = task;
  const { returnPath, recipients } = message;
  const lines = [options, clientAddress, helo, returnPath === "" ? "<>" : returnPath, ...recipients, ""];
  yield Buffer.from(lines.map((line) => `${line.replaceAll(/[^\x20-\x7e\x80-\xff]/g, "")}\n`).join(""), "latin1");
  yield* withLineFeeds(message.octets());
}

/**
 * The verdict for all, a letter for each recipient, and the X-DCC field where one was wanted.
 *
 * @throws {EngineError} the connection has ended before the first two lines have.
 */
export function readDccifdAnswer(answer: string): DccVerdict {
  if (answer === "") throw new EngineError("closed without an answer");
  const [overall, recipients, ...rest] = answer.split("\n");
  if (overall === undefined || recipients === undefined || rest.length === 0) throw new EngineError("half an answer");
  return { engine: "dcc", overall: shown(overall), recipients: shown(recipients), header: fieldIn(rest) };
}

/** Folded lines as one, as long as the first of them is what it should be. */
function fieldIn([first = "", ...rest]: readonly string[]): string {
  if (!FIELD.test(first)) return "";
  const end = rest.findIndex((line) => !/^[ \t]/.test(line));
  const lines = [first, ...rest.slice(0, end === -1 ? 0 : end)];
  return shown(lines.map((line) => line.trim()).join(" ")).slice(0, MAX_FIELD);
}

/** `X-DCC-<brand>-Metrics`; a name without an end would be no field when it is cut. */
const FIELD = /^X-DCC[!-9;-~]{0,100}:/i;

/** What the policy may write into the message and the log. */
const shown = (text: string): string => text.replaceAll(/\r$/g, "").replaceAll(/[^ -~]/g, "?");
