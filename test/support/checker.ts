import type { RecordingSink, Submitted } from "@postbus/testkit";

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged to the client, never received by the sink: must be empty. */
  readonly lost: readonly string[];
  /** Copies beyond the first that our side made; those that the client itself made by trying again do not count. */
  readonly duplicates: number;
  /** Which ones. */
  readonly doubled: ReadonlySet<string>;
  /** Transactions that ended after the dot without a reply. */
  readonly brokenOff: number;
}

/**
 * Compares what clients were told with what the next hop got.
 *
 * A client that saw its connection break after the dot tries again, and may so make a second message of its own: so
 * many copies are its doing (RFC 5321 §4.5.4.1 asks for the retry), all others are ours.
 */
export function judge(
  submitted: readonly Submitted[],
  sink: RecordingSink,
  recipientsOf: (submitted: Submitted) => readonly string[] = () => ["user@sink.test"],
): Verdict {
  const lost: string[] = [];
  const doubled = new Set<string>();
  let duplicates = 0;
  let acknowledged = 0;
  let brokenOff = 0;
  for (const message of submitted) {
    if (message.acknowledged > 0) acknowledged++;
    brokenOff += message.unknown;
    for (const recipient of recipientsOf(message)) {
      const key = `${message.id} ${recipient}`;
      const count = sink.received.get(key) ?? 0;
      if (message.acknowledged > 0 && count === 0) lost.push(key);
      const beyond = count - Math.max(1, message.acknowledged + message.unknown);
      if (beyond <= 0) continue;
      duplicates += beyond;
      doubled.add(key);
    }
  }
  return { acknowledged, lost, duplicates, doubled, brokenOff };
}
