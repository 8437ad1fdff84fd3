import type { Eventual } from "../../expansion/code.ts";
import type { Evaluation } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { Tainted } from "../../expansion/value.ts";
import type { ClientMechanism, ClientStep, ClientValues } from "./client-authenticator.ts";
import { expandedStep } from "./expanded-step.ts";

/**
 * PLAIN, LOGIN, and what else answers each prompt with a string (Exim's manual, "The plaintext authenticator").
 *
 * @param items Of `client_send`. An empty first one: AUTH has only the mechanism's name behind it.
 */
export function plaintextClient(items: readonly Expansion[]): ClientMechanism {
  return (evaluation, values) => {
    const [first] = items;
    if (first?.constant !== "") return send(items, 0, evaluation, values);
    return { kind: "send", octets: undefined, answered: answered(items, 1, evaluation, values) };
  };
}

function send(
  items: readonly Expansion[],
  at: number,
  evaluation: Evaluation,
  values: ClientValues,
): Eventual<ClientStep> {
  const item = items[at];
  if (item === undefined) return { kind: "error", text: "too few items in client_send" };
  return expandedStep(item, evaluation, (text) => ({
    kind: "send",
    octets: withNuls(text),
    answered: answered(items, at + 1, evaluation, values),
  }));
}

const answered =
  (items: readonly Expansion[], next: number, evaluation: Evaluation, values: ClientValues) =>
  (challenge: string): Eventual<ClientStep> => {
    if (values.values.length < MAX_VALUES) values.values.push(new Tainted(challenge));
    return send(items, next, evaluation, values);
  };

/** As many as there are variables for them. */
const MAX_VALUES = 3;

/** `^` is a NUL, `^^` is a `^`. */
export const withNuls = (text: string): string => text.replace(/\^\^|\^/g, (found) => (found === "^" ? "\0" : "^"));
