import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Submitted } from "@postbus/testkit";

export interface RecordVerdict {
  /** What is wrong, one line for each kind, with examples; must be empty. */
  readonly problems: readonly string[];
  /**
   * Messages that no client was told of, which are delivered and completed, but whose arrival nobody has written down:
   * their gateway was killed when they were on stable storage, before it could say so to anybody.
   */
  readonly unannounced: readonly string[];
  /** Messages in the main log. */
  readonly messages: number;
}

/** How long events may take to be written after the last delivery; an item of a killed process waits for its lease. */
const SETTLE_MS = 45_000;
const POLL_MS = 250;
/** For one answer of the status service. */
const ANSWER_MS = 20_000;
const PAGE = 200;
const EXAMPLES = 5;

/**
 * Whether the fleet's own record agrees with what happened: every accepted message arrived once and was completed once
 * in the main log, the history calls it delivered, and nothing waits.
 *
 * @param http Of the status service, `host:port`.
 * @param mayLack How many acknowledged messages may have no arrival in the log, only their completion.
 * @param states That the history may have at the end.
 */
export async function checkRecord(
  data: string,
  http: string,
  submitted: readonly Submitted[],
  mayLack = 0,
  states: readonly string[] = ["delivered"],
): Promise<RecordVerdict> {
  const acknowledged = submitted.flatMap(({ messageIds }) => messageIds);
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const log = await readMainlog(join(data, "log", "mainlog"));
    const open = [...logProblems(log, acknowledged, mayLack), ...(await queueProblems(http))];
    // What is there twice does not go away by waiting.
    const isSettled = open.every((problem) => problem.includes("more than once"));
    if (isSettled || performance.now() > end) {
      const problems = [...open, ...(await settledHistory(http, log, states, end))];
      return { problems, unannounced: unannounced(log, acknowledged), messages: log.arrivals.size };
    }
    await delay(POLL_MS);
  }
}

interface Mainlog {
  /** Message id → lines. */
  readonly arrivals: ReadonlyMap<string, number>;
  readonly completions: ReadonlyMap<string, number>;
}

async function readMainlog(path: string): Promise<Mainlog> {
  const arrivals = new Map<string, number>();
  const completions = new Map<string, number>();
  const count = (lines: Map<string, number>, id: string) => lines.set(id, (lines.get(id) ?? 0) + 1);
  for (const line of (await readFile(path, "latin1")).split("\n")) {
    const [, id = "", what] = /^\S+ \S+ (\S+) (<=|Completed)/.exec(line) ?? [];
    if (what === "<=") count(arrivals, id);
    if (what === "Completed") count(completions, id);
  }
  return { arrivals, completions };
}

function logProblems({ arrivals, completions }: Mainlog, acknowledged: readonly string[], mayLack: number): string[] {
  const lacking = acknowledged.filter((id) => !arrivals.has(id));
  const several = (lines: ReadonlyMap<string, number>) => [...lines].filter(([, n]) => n > 1).map(([id]) => id);
  return [
    ...problem(
      "acknowledged, but not in the main log",
      lacking.filter((id) => !completions.has(id)),
    ),
    ...(lacking.length > mayLack ? problem("acknowledged, but its arrival is not in the main log", lacking) : []),
    ...problem(
      "not completed in the main log",
      [...arrivals.keys()].filter((id) => !completions.has(id)),
    ),
    ...problem("arrived more than once", several(arrivals)),
    ...problem("completed more than once", several(completions)),
  ];
}

function unannounced({ arrivals, completions }: Mainlog, acknowledged: readonly string[]): string[] {
  const told = new Set(acknowledged);
  return [...completions.keys()].filter((id) => !arrivals.has(id) && !told.has(id));
}

const problem = (what: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [`${ids.length} ${what}, e.g. ${ids.slice(0, EXAMPLES).join(" ")}`];

/** While a server is coming back, the status service cannot be reached, or says that it does not know. */
async function queueProblems(http: string): Promise<string[]> {
  try {
    const { counts } = await answerOf<{ counts?: Readonly<Record<string, number>> }>(`http://${http}/v1/queue?limit=0`);
    if (counts === undefined) return ["the status service does not say what waits"];
    return Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} items wait: ${name}`);
  } catch (err) {
    return [`the status service does not say what waits: ${err}`];
  }
}

/** @throws what kept it from being a good one. */
async function answerOf<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as T;
}

/** A row is committed a moment after its line is written, and is asked of another service, which may be coming back. */
async function settledHistory(
  http: string,
  log: Mainlog,
  states: readonly string[],
  end: number,
): Promise<readonly string[]> {
  for (;;) {
    const problems = await historyProblems(http, log, states).catch((err: Error) => [`the history: ${err.message}`]);
    if (problems.length === 0 || performance.now() > end) return problems;
    await delay(POLL_MS);
  }
}

interface HistoryPage {
  readonly messages: readonly { readonly id: string; readonly state: string }[];
  readonly next?: string;
}

async function historyProblems(
  http: string,
  { arrivals, completions }: Mainlog,
  ends: readonly string[],
): Promise<string[]> {
  const states = new Map<string, string>();
  let after = "";
  for (;;) {
    const page = await answerOf<HistoryPage>(`http://${http}/v1/messages?limit=${PAGE}${after}`);
    for (const { id, state } of page.messages) states.set(id, state);
    if (page.next === undefined) break;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
  return [
    ...problem(
      "in the main log, but not in the history",
      [...arrivals.keys()].filter((id) => !states.has(id)),
    ),
    ...problem(
      "in the history, but not in the main log",
      [...states.keys()].filter((id) => !arrivals.has(id) && !completions.has(id)),
    ),
    ...problem(
      "not delivered in the history",
      [...states].filter(([, state]) => !ends.includes(state)).map(([id, state]) => `${id}:${state}`),
    ),
  ];
}
