import type { Bus } from "@postbus/bus";
import { type ReloadReport, ReloadRequest, reloadedSubject, reloadSubject } from "@postbus/contracts";
import { Value } from "typebox/value";
import type { Part, ServiceName } from "./service.ts";

/** A report must fit in a message of the bus, whatever the policy is like; the log has all of it. */
const MAX_PROBLEMS = 100;
const MAX_PROBLEM_LENGTH = 500;

/** The policy of a service. */
export interface Reloadable {
  /** Never rejects. */
  reload(why: string): Promise<{
    readonly before: string;
    readonly version: string;
    /** Why the old one stays. */
    readonly problems: readonly string[];
  }>;
}

export interface ReloadListenerOptions {
  readonly bus: Pick<Bus, "listen" | "broadcast">;
  readonly service: ServiceName;
  readonly instance: string;
  readonly policy: Reloadable;
}

/** Reads the policy again when the fleet is told to, and says what has come of it. */
export async function startReloadListener(options: ReloadListenerOptions): Promise<Part> {
  const { bus, service, instance, policy } = options;
  const onRequest = async (body: unknown): Promise<void> => {
    const { before, version, problems } = await policy.reload(reloadSubject);
    if (!Value.Check(ReloadRequest, body)) return;
    const report: ReloadReport = {
      v: 1,
      requestId: body.id,
      service,
      instance,
      before,
      policyVersion: version,
      problems: bounded(problems),
    };
    bus.broadcast(reloadedSubject, report);
  };
  const subscription = await bus.listen(reloadSubject, (body) => void onRequest(body));
  return { name: "control", stop: () => subscription.drain() };
}

function bounded(problems: readonly string[]): string[] {
  const shown = problems.slice(0, MAX_PROBLEMS).map((text) => text.slice(0, MAX_PROBLEM_LENGTH));
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more, which are in the log`] : shown;
}
