import type { ClientEndpoint, Eventual } from "@postbus/policy";
import { type Admission, type Turned, turned } from "../admission.ts";
import type { Surroundings } from "../surroundings.ts";

/**
 * Whether a connection that has entered, and whose client is known, may stay; if so, it is counted for its client.
 *
 * @returns Why not; undefined: it may.
 */
export function admitClient(
  client: ClientEndpoint,
  around: Pick<Surroundings, "policy" | "load" | "log">,
  admission: Admission,
): Eventual<Turned | undefined> {
  const { policy } = around;
  const why = onlyForReserved(around, admission);
  const isReserved = why === undefined || (policy.isReserved?.(client) ?? false);
  if (isReserved instanceof Promise) {
    return isReserved.then((is) => (is ? countFor(client, around, admission) : why));
  }
  return isReserved ? countFor(client, around, admission) : why;
}

/** Why nobody but `smtp_reserve_hosts` is taken now; undefined: all are. To be asked behind `Admission.enter`. */
export function onlyForReserved(
  { policy, load }: Pick<Surroundings, "policy" | "load">,
  admission: Pick<Admission, "isReserve">,
): Turned | undefined {
  const { loadReserve } = policy.smtp;
  if (load.level !== "normal" || (loadReserve !== undefined && load.average > loadReserve)) return turned.load;
  return admission.isReserve ? turned.reserve : undefined;
}

function countFor(
  client: ClientEndpoint,
  { policy, log }: Pick<Surroundings, "policy" | "log">,
  admission: Admission,
): Eventual<Turned | undefined> {
  const hooks = {
    log: (_targets: unknown, text: string) => log.warn({ text, clientAddress: client.address }, "policy"),
  };
  const max = policy.acceptMaxPerHost?.(client, hooks) ?? policy.smtp.acceptMaxPerHost;
  if (max instanceof Promise) return max.then((most) => admission.identify(client.address, most));
  return admission.identify(client.address, max);
}
