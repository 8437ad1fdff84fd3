import { type Eventual, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import { readInteger } from "../../reader/option-value.ts";
import { ValueError } from "../../reader/value-error.ts";
import type { AclSession } from "../session.ts";
import { isClientIn } from "./is-client-in.ts";

/** What the main section says about who may connect when there are many. */
export interface AdmissionTests {
  /** `smtp_reserve_hosts`. Absent: nobody is in it. */
  readonly isReserved?: (session: AclSession) => Eventual<boolean>;
  /** `hosts_connection_nolog`. Absent: nobody is in it. */
  readonly isUnlogged?: (session: AclSession) => Eventual<boolean>;
  /** `smtp_accept_max_per_host`, where it is expanded; 0: no limit. */
  readonly maxPerHost?: (session: AclSession) => Eventual<number>;
}

export function admissionTests({ main }: Pick<Configuration, "main">): AdmissionTests {
  const listOf = (text = ""): CompiledList | undefined => (text.trim() === "" ? undefined : compileList("host", text));
  const list = listOf(main.get("smtp_reserve_hosts"));
  const unlogged = listOf(main.get("hosts_connection_nolog"));
  const perHost = main.get("smtp_accept_max_per_host");
  return {
    ...(list && { isReserved: (session: AclSession) => isClientIn(list, session) }),
    ...(unlogged && { isUnlogged: (session: AclSession) => isClientIn(unlogged, session) }),
    ...(typeof perHost === "string" && { maxPerHost: expandedNumber(perHost) }),
  };
}

/** As in Exim, there is no limit where none can be found out. */
function expandedNumber(text: string): (session: AclSession) => Eventual<number> {
  const expansion = compileExpansion(text);
  return (session) => {
    const fail = (error: unknown): number => {
      if (error instanceof ForcedFailure) return 0;
      const reason = error instanceof ValueError ? error.message : failureText(error);
      if (reason === undefined) throw error;
      session.log(["main", "panic"], `smtp_accept_max_per_host for ${session.connection.client.address}: ${reason}`);
      return 0;
    };
    try {
      const number = then(expansion.run(session.evaluation), (value) => readInteger(textOf(value).trim()));
      return number instanceof Promise ? number.catch(fail) : number;
    } catch (error) {
      return fail(error);
    }
  };
}
