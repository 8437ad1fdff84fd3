import { DeferError } from "@postbus/mail";
import { ExpansionDefer } from "../../expansion/failures.ts";
import { textOf, type Value } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import { expandedTest, type TestKind } from "../test.ts";

/** What stands behind a condition that asks a scanner: `argument/option/option`. */
export interface ScanOrder {
  readonly argument: string;
  readonly options: readonly string[];
}

function readOrder(value: Value): ScanOrder {
  const [argument = "", ...options] = splitList(`</${textOf(value)}`).items;
  return { argument, options };
}

/** The argument that asks for nothing. */
export const isNothing = (argument: string): boolean =>
  argument === "" || argument === "0" || /^false$/i.test(argument);

/**
 * A condition that asks a scanner; with `defer_ok`, no answer counts as "no".
 *
 * @param label What the log says before the reason why there is no answer.
 */
export function scanTest(label: string, ask: (order: ScanOrder, run: AclRun) => Promise<Said>): TestKind {
  return expandedTest(async (value, run) => {
    const order = readOrder(value);
    try {
      return await ask(order, run);
    } catch (error) {
      if (!(error instanceof DeferError)) throw error;
      run.note = error instanceof ExpansionDefer ? error.reason : error.message.slice(error.source.length + 2);
      if (!(error instanceof SilentDefer)) run.session.log(["main", "panic"], `${label}: ${run.note}`);
      return order.options.some((option) => /^defer_ok$/i.test(option)) ? "no" : "defer";
    }
  });
}

/** Everything about it is in the log already. */
export class SilentDefer extends ExpansionDefer {}
