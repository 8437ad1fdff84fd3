import { DeferError, trimStart } from "@postbus/mail";
import type { Eventual } from "../expansion/code.ts";
import { ExpansionDefer } from "../expansion/failures.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { textOf, type Value } from "../expansion/value.ts";
import { splitList } from "../matching/split-list.ts";
import type { AclRun } from "./acl-run.ts";
import type { Fact, FactName } from "./facts.ts";
import type { Said } from "./outcome.ts";

/** Asks for a fact, once for a message, and sets the variables that come with it. @throws {DeferError} it is not to be had. */
export function factOf(name: FactName, argument: string, { session }: AclRun): Eventual<Fact> {
  const { message } = session;
  const known = message.facts.get(name);
  if (known !== undefined) return noted(known, message.found);
  const ask = session.hooks.facts?.[name];
  if (ask === undefined) throw new ExpansionDefer(`${name}: no service is set up that could tell`);
  const keep = (fact: Fact): Fact => {
    message.facts.set(name, fact);
    return noted(fact, message.found);
  };
  const asked = ask(argument);
  if (!(asked instanceof Promise)) return keep(asked);
  return asked.then(keep, (error: unknown) => {
    if (error instanceof DeferError) message.unanswered.add(name);
    throw error;
  });
}

function noted(fact: Fact, found: Map<string, Value | number | boolean>): Fact {
  for (const [variable, value] of Object.entries(fact.variables)) found.set(variable, value);
  return fact;
}

/** Whether a status is in a list of words, some of which may be negated; the first that applies decides. */
export function statusIn(status: string, list: Value): Said {
  let last = false;
  for (const item of splitList(textOf(list), typeof list === "string").items) {
    const isNegated = item.startsWith("!");
    const word = lowerCase(isNegated ? trimStart(item.slice(1)) : item);
    if (word === "*" || (ALIASES[word] ?? word) === status) return isNegated ? "no" : "yes";
    last = isNegated;
  }
  return last ? "yes" : "no";
}

/** Names of SPF results in its first descriptions. */
const ALIASES: Readonly<Record<string, string | undefined>> = {
  __proto__: null as never,
  err_perm: "permerror",
  err_temp: "temperror",
};
