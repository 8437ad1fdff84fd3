import type { Transport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { refused } from "../local/local-failure.ts";
import type { ProgramDeps } from "../programs/program-deps.ts";
import { filtered } from "./filtered.ts";

/**
 * Delivers a message by way of its transport's filter. A program counts among those that may run at one time, with one that the
 * transport itself may start.
 */
export async function throughFilter(
  given: Attempt,
  transport: Transport,
  { pipes, slots }: Pick<ProgramDeps, "pipes" | "slots">,
  deliver: (given: Attempt) => Promise<AttemptReport>,
): Promise<AttemptReport> {
  const { item, work } = given;
  const all = (result: AttemptResult): AttemptReport => ({ results: item.recipients.map(() => result), notes: [] });
  const addresses = item.recipients.map(({ address }) => address);
  const order = await transport.filter?.({ addresses, user: item.user, group: item.group });
  if (order === undefined) return deliver(given);
  if (order.kind === "refused") return all(refused(order));
  const surroundings = { transport: transport.name, pipes, signal: work.signal };
  const through = {
    ...given,
    filter: (octets: Parameters<typeof filtered>[0]) => filtered(octets, order, surroundings),
  };
  // That one takes a turn of its own.
  if (transport.driver === "pipe") return deliver(through);
  if (!(await slots.take())) {
    const text = `too many programs are running: none could be started for ${transport.name} transport`;
    return all({ outcome: "deferred", errno: 0, text });
  }
  try {
    return await deliver(through);
  } finally {
    slots.give();
  }
}
