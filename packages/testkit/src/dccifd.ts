import { type ScriptedEngine, startScriptedEngine } from "./scripted-engine.ts";

/** A question to the DCC's interface daemon, taken apart as dccifd(8) has it. */
export interface DccQuestion {
  readonly options: readonly string[];
  readonly client: string;
  readonly helo: string;
  readonly returnPath: string;
  readonly recipients: readonly string[];
  /** Lines end in LF. */
  readonly message: string;
}

export interface DccAnswer {
  /** For each recipient `A`, `R` or `G`; what is missing is `A`. */
  readonly recipients: string;
  /** Of all; absent: `G` if anybody is greylisted, `R` if anybody is refused, else `A`. */
  readonly overall?: string;
  /** What stands behind `X-DCC-test-Metrics: `. */
  readonly metrics?: string;
}

export interface Dccifd extends AsyncDisposable {
  readonly port: number;
  readonly questions: readonly DccQuestion[];
}

const OPTIONS: ReadonlySet<string> = new Set([
  ...["body", "cksums", "grey-off", "grey-query", "header", "log", "no-grey", "no-reject", "query", "rcvd-next"],
  ...["rcvd-nxt", "spam"],
]);

/**
 * Stands in for the DCC's interface daemon, of which there is no Debian package: it reads and answers as the documentation of
 * DCC 2.3 says. What it does not understand gets no answer.
 *
 * @param path Of a UNIX socket; absent: a port of 127.0.0.1.
 */
export async function startDccifd(judge: (question: DccQuestion) => DccAnswer, path?: string): Promise<Dccifd> {
  const questions: DccQuestion[] = [];
  const engine: ScriptedEngine = await startScriptedEngine({
    ...(path === undefined ? {} : { path }),
    answer: (request) => {
      const question = read(request);
      if (question === undefined) return { do: "cut" };
      questions.push(question);
      return { answer: formatAnswer(question, judge(question)) };
    },
  });
  return { port: engine.port, questions, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

function read(request: string): DccQuestion | undefined {
  const end = request.indexOf("\n\n");
  if (end === -1) return undefined;
  const [options = "", client = "", helo = "", returnPath = "", ...recipients] = request
    .slice(0, end)
    .split("\n")
    .map((line) => line.replace(/\r+$/, ""));
  const words = options
    .toLowerCase()
    .split(/[ \t]+/)
    .filter((word) => word !== "");
  if (words.some((word) => !OPTIONS.has(word))) return undefined;
  return { options: words, client, helo, returnPath, recipients, message: request.slice(end + 2) };
}

function formatAnswer({ options, recipients }: DccQuestion, answer: DccAnswer): string {
  const letters = recipients.map((_recipient, i) => answer.recipients[i] ?? "A").join("");
  const overall = answer.overall ?? (letters.includes("G") ? "G" : letters.includes("R") ? "R" : "A");
  const each = overall === "G" ? letters.replaceAll(/./g, "G") : letters;
  const field = `X-DCC-test-Metrics: ${answer.metrics ?? "client.test 1000; Body=1 Fuz1=1\n\tFuz2=1"}\n`;
  const wanted = options.includes("header") ? `${field}\n` : options.includes("cksums") ? "\n" : "";
  return `${overall}\n${each}\n${wanted}`;
}
