import type { AclSession } from "../acl/session.ts";
import type { Eventual } from "../expansion/code.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { authCondition, expanded } from "./auth-condition.ts";
import { AuthValues } from "./auth-values.ts";
import type { Mechanism, MechanismStep } from "./mechanism.ts";

export interface ExternalOptions {
  /** `server_param2`, `server_param3`: become `$auth2`, `$auth3`. */
  readonly params: readonly Expansion[];
  /** `server_condition` */
  readonly condition: Expansion | undefined;
}

/** EXTERNAL (RFC 4422 appendix A; Exim's manual, "The external authenticator"): who it is says the TLS session. */
export function external({ params, condition }: ExternalOptions): Mechanism {
  return (initial, session) => {
    const values = new AuthValues(session);
    const begin = (identity: string): Eventual<MechanismStep> => {
      // RFC 4422 §A.1: empty, it is for the server to say.
      values.addAll(identity);
      return addParams(params, values, session, condition);
    };
    return initial === undefined ? { kind: "ask", challenge: "", answered: begin } : begin(initial);
  };
}

/** Each becomes the next `$auth`; then the condition decides. */
export function addParams(
  [first, ...rest]: readonly Expansion[],
  values: AuthValues,
  session: AclSession,
  condition: Expansion | undefined,
): Eventual<MechanismStep> {
  if (first === undefined) return authCondition(condition, session);
  return expanded(first, session, (value) => {
    values.add(value);
    return addParams(rest, values, session, condition);
  });
}
