import type { AclSession } from "../acl/session.ts";
import type { Eventual } from "../expansion/code.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { textOf } from "../expansion/value.ts";
import { splitList } from "../matching/split-list.ts";
import { authCondition, expanded } from "./auth-condition.ts";
import { AuthValues } from "./auth-values.ts";
import type { Mechanism, MechanismStep } from "./mechanism.ts";

export interface PlaintextOptions {
  /** `server_prompts` */
  readonly prompts: Expansion | undefined;
  /** `server_condition` */
  readonly condition: Expansion;
}

/**
 * PLAIN (RFC 4616), LOGIN, and what else asks for strings one after the other (Exim's manual, "The plaintext
 * authenticator"). What came in one answer counts as answers to the prompts that follow.
 */
export function plaintext({ prompts, condition }: PlaintextOptions): Mechanism {
  return (initial, session) => {
    const values = new AuthValues(session);
    if (initial !== undefined) values.addAll(initial);
    if (prompts === undefined) return authCondition(condition, session);
    return expanded(prompts, session, (list) =>
      askNext([...splitList(textOf(list)).items], 0, { values, condition, session }),
    );
  };
}

interface State {
  readonly values: AuthValues;
  readonly condition: Expansion;
  readonly session: AclSession;
}

function askNext(prompts: readonly string[], at: number, state: State): Eventual<MechanismStep> {
  const { values } = state;
  const next = Math.max(at, values.count);
  const challenge = prompts[next];
  if (challenge === undefined || values.isFull) return authCondition(state.condition, state.session);
  return {
    kind: "ask",
    challenge,
    answered(response) {
      values.addAll(response);
      return askNext(prompts, next + 1, state);
    },
  };
}
