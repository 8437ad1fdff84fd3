import { DeferError } from "@postbus/mail";
import type { Eventual } from "../../expansion/code.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import type { CompiledList } from "../../matching/compile-list.ts";
import type { AclSession } from "../session.ts";

/**
 * Whether the client is in a host list.
 *
 * @param usual The answer without a list.
 * @param undecidedIs What holds if it cannot be decided: no, as in Exim, but for offering TLS.
 */
export function isClientIn(
  list: CompiledList | undefined,
  session: AclSession,
  usual = false,
  undecidedIs = false,
): Eventual<boolean> {
  if (list === undefined) return usual;
  const { connection } = session;
  const undecided = (error: unknown): boolean => {
    if (error instanceof DeferError || error instanceof ExpansionFailure) return undecidedIs;
    throw error;
  };
  try {
    const answer = list.match(session.evaluation, { address: connection.client.address, host: connection });
    if (!(answer instanceof Promise)) return answer !== undefined;
    return answer.then((matched) => matched !== undefined, undecided);
  } catch (error) {
    return undecided(error);
  }
}
