import type { Submitted } from "@postbus/testkit";
import { ENDS } from "./real-policy.ts";

/** What has become of the recipients of all messages. */
export interface TerminalStates {
  /** Accepted, and no end was seen: must be empty. */
  readonly lost: readonly string[];
  /** With two ends that exclude each other, or with one that is not theirs: must be empty. */
  readonly wrong: readonly string[];
  /** Copies, of messages and reports, beyond the first: `<id> <recipient>`. */
  readonly duplicates: readonly string[];
}

/** Where the ends are to be seen. */
export interface Outcomes {
  /** How often, by `<id> <recipient>`. */
  readonly received: ReadonlyMap<string, number>;
  /** All that the next hop was given; the reports are among it. */
  readonly contents: readonly string[];
  /** Messages in the mailbox. */
  readonly mailbox: readonly string[];
  readonly mainlog: string;
}

/**
 * Compares what clients were told with what there is of it: each recipient of an accepted message is delivered, or its sender was
 * told, and not both.
 */
export function terminalStates(submitted: readonly Submitted[], outcomes: Outcomes): TerminalStates {
  const { received } = outcomes;
  const reported = counted(outcomes.contents.flatMap(reportsOf));
  const kept = counted(outcomes.mailbox.map((text) => idOf(text) ?? "?"));
  const lost: string[] = [];
  const wrong: string[] = twoEnds(outcomes.mainlog);
  const duplicates: string[] = [];
  for (const { id, acknowledged, unknown } of submitted) {
    const ends = [
      ...ENDS.delivered.map((to) => ({ key: `${id} ${to}`, count: received.get(`${id} ${to}`) ?? 0 })),
      ...ENDS.reported.map((to) => ({ key: `${id} ${to} (report)`, count: reported.get(`${id} ${to}`) ?? 0 })),
      ...ENDS.kept.map((to) => ({ key: `${id} ${to}`, count: kept.get(id) ?? 0 })),
    ];
    for (const { key, count } of ends) {
      if (acknowledged > 0 && count === 0) lost.push(key);
      // A client that has tried again has made a message of its own.
      for (let n = Math.max(1, acknowledged + unknown); n < count; n++) duplicates.push(key);
    }
    for (const to of ENDS.reported) if (received.has(`${id} ${to}`)) wrong.push(`${id} ${to}: refused, and delivered`);
    for (const to of [...ENDS.delivered, ...ENDS.kept]) {
      if (reported.has(`${id} ${to}`)) wrong.push(`${id} ${to}: delivered, and reported`);
    }
  }
  return { lost, wrong, duplicates };
}

const idOf = (text: string): string | undefined => /^X-Load-Id: (\S+)/im.exec(text)?.[1];

/** Of a report, the message and each recipient that it is about. */
export function reportsOf(content: string): readonly string[] {
  if (!/^Content-Type: message\/delivery-status/im.test(content)) return [];
  const id = idOf(content) ?? "?";
  return Array.from(content.matchAll(/^Final-Recipient: rfc822;\s*(\S+)/gim), ([, to]) => `${id} ${to}`);
}

/** In the main log, recipients of one message that were given up, and delivered. */
function twoEnds(mainlog: string): string[] {
  const ends = new Map<string, Set<string>>();
  for (const line of mainlog.split("\n")) {
    const [, id, flag, to] = /^\S+ \S+ (\S+) (=>|->|\*\*) (\S+)/.exec(line) ?? [];
    if (id === undefined || flag === undefined) continue;
    const key = `${id} ${to}`;
    const known = ends.get(key) ?? new Set();
    ends.set(key, known.add(flag === "**" ? "failed" : "delivered"));
  }
  return [...ends]
    .filter(([, flags]) => flags.size > 1)
    .map(([key]) => `${key}: in the main log, delivered and failed`);
}

function counted(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
