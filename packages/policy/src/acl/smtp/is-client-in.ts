import { DeferError } from "@postbus/mail";
import type { Eventual } from "../../expansion/code.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import type { CompiledList } from "../../matching/compile-list.ts";
import type { AclSession } from "../session.ts";

/**
 * Whether the client is in a host list. What cannot be decided is no, as in Exim.
 *
 * @param usual The answer without a list.
 */
export function isClientIn(list: CompiledList | undefined, session: AclSession, usual = false): Eventual<boolean> {
  if (list === undefined) return usual;
  const { client, hostName } = session.connection;
  const undecided = (error: unknown): boolean => {
    if (error instanceof DeferError || error instanceof ExpansionFailure) return false;
    throw error;
  };
  try {
    const answer = list.match(session.evaluation, { address: client.address, name: hostName });
    if (!(answer instanceof Promise)) return answer !== undefined;
    return answer.then((matched) => matched !== undefined, undecided);
  } catch (error) {
    return undecided(error);
  }
}
