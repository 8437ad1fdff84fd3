import { plainLines, plainText } from "./plain-text.ts";
import type { Report, ReportKind, ReportRecipient } from "./report.ts";
import { MAX_ADDRESS } from "./reported-address.ts";

/** As Exim cuts the error texts of this part. */
const MAX_TEXT = 254;
/** Behind this column, a colon ends a line of an error text, as in Exim's reports. */
const COLON_COLUMN = 45;
/** Of what programs have written, for one recipient and for all of them. */
const MAX_OUTPUT = 8 * 1024;
const MAX_OUTPUTS = 32 * 1024;

/** The part for people: what happened, to which addresses, in which words. Lines with CRLF. */
export function explanation(report: Report): string {
  const { kind, recipients, wording } = report;
  const { template } = wording;
  const lines = [
    ...(given(template?.opening) ?? opening(report)),
    "",
    ...recipients.flatMap((recipient) => ofRecipient(recipient, kind)),
    ...(kind === "delay" ? (given(template?.closing) ?? CLOSING) : []),
    ...outputs(report),
  ];
  return `${lines.join("\r\n").trimEnd()}\r\n`;
}

/** Lines of what the operator has written; undefined where there is nothing. */
function given(text: string | undefined): readonly string[] | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trimEnd().split(/\r?\n/);
}

function opening(report: Report): readonly string[] {
  const { primaryHostname, wording, to, returnPath } = report;
  const greeting = `This is the mail system at ${plainText(primaryHostname, MAX_ADDRESS)}.`;
  const isToSender = to === returnPath;
  return [
    greeting,
    ...(report.kind === "failure" ? (given(wording.text) ?? []) : []),
    "",
    ...(isToSender ? [] : [`This is about a message from <${plainText(returnPath, MAX_ADDRESS)}>.`]),
    ...OPENINGS[report.kind](report),
  ];
}

const OPENINGS: Readonly<Record<ReportKind, (report: Report) => readonly string[]>> = {
  failure: () => [
    "The message could not be delivered to the recipients below. This is final:",
    "no further attempt will be made. What was said about each of them:",
  ],
  delay: ({ queueId, delay = "some time" }) => [
    `The message has been waiting for more than ${delay} (here it is ${queueId}),`,
    "because it could not yet be delivered to the recipients below:",
  ],
  success: () => [
    "As you have asked to be told: the message has reached these recipients, or has left",
    "for hosts that will not tell you so:",
  ],
};

const CLOSING = [
  "There is nothing that you need to do. It will be tried again for some time, of which",
  "there may be further notes like this one; if it cannot be delivered in the end,",
  "you will be told.",
];

const WHAT_HAPPENED = {
  delivered: "delivered",
  relayed: "relayed to a host that does not tell of deliveries",
  expanded: "passed on to the several addresses that it stands for",
} as const;

function ofRecipient(recipient: ReportRecipient, kind: ReportKind): string[] {
  const { host, hostAddress, action, text, isHidden } = recipient;
  const lines = [...names(recipient), ...from(host, hostAddress)];
  if (kind === "success") return [...lines, `    ${WHAT_HAPPENED[action ?? "delivered"]}`, ""];
  // It may tell the address: of a command that was refused, for one.
  if (isHidden === true) return [...lines, ""];
  return [...lines, ...errorLines(text).map((line) => `    ${line}`), ""];
}

function names({ address, parents, isHidden = false }: ReportRecipient): string[] {
  const shown = isHidden ? "an undisclosed address" : plainText(address, MAX_ADDRESS);
  const top = parents?.at(-1);
  if (top === undefined || (top === address && !isHidden)) return [`  ${shown}`];
  const how = parents?.length === 1 ? "generated" : "ultimately generated";
  return [`  ${shown}`, `    (${how} from ${plainText(top, MAX_ADDRESS)})`];
}

function from(host: string | undefined, address: string | undefined): string[] {
  if (host === undefined) return [];
  return [`    host ${plainText(address === undefined ? host : `${host} [${address}]`, MAX_ADDRESS)}`];
}

function errorLines(text: string): readonly string[] {
  return plainLines(text, MAX_TEXT).flatMap((line) => {
    const colon = line.indexOf(": ", COLON_COLUMN);
    return colon === -1 ? [line] : [line.slice(0, colon + 1), line.slice(colon + 2)];
  });
}

/** What programs have written, each under the address that it was run for. */
function outputs({ recipients, wording, kind }: Report): string[] {
  let left = MAX_OUTPUTS;
  const lines: string[] = [];
  for (const { address, isHidden = false, output = "" } of recipients) {
    if (output === "" || left <= 0) continue;
    const most = Math.min(MAX_OUTPUT, left);
    const cut = output.length > most ? `${output.slice(0, most)}\n[truncated]` : output;
    left -= cut.length;
    const name = isHidden ? "an undisclosed address" : plainText(address, MAX_ADDRESS);
    lines.push(`------ ${name} ------`, "", ...visible(cut), "");
  }
  if (lines.length === 0) return [];
  const ofTemplate = kind === "failure" ? given(wording.template?.closing) : undefined;
  return [...(ofTemplate ?? ["What programs have written while they tried to deliver it:"]), "", ...lines];
}

const visible = (text: string): string[] =>
  text
    .trimEnd()
    .split(/\r?\n/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
    .map((line) => line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, " "));
