import type { Eventual } from "../expansion/code.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { ExpansionFailure } from "../expansion/failures.ts";
import type { Value } from "../expansion/value.ts";
import type { AclVerb } from "../options/acl/verbs.ts";
import type { Place } from "../reader/problem.ts";
import type { AclRun } from "./acl-run.ts";
import { withExpanded } from "./expanded.ts";
import type { Said } from "./outcome.ts";

/**
 * A condition or modifier of one statement, compiled. A promise only where something has to be waited for.
 *
 * @throws {ExpansionFailure} as outcome `error`. @throws {DeferError} as outcome `defer`.
 */
export type Test = (run: AclRun) => Eventual<Said>;

/** Where a condition or modifier stands, for those who compile it. */
export interface TestSource {
  readonly place: Place;
  readonly verb: AclVerb;
  /** Of `set`: the name behind it. */
  readonly variable?: string;
  /** Says at load that the value cannot work. */
  warn(text: string): void;
}

/** A kind of condition or modifier. */
export interface TestKind {
  compile(value: string, source: TestSource): Test;
}

/** A kind whose value is expanded as a whole before it is used. */
export function expandedTest(use: (value: Value, run: AclRun) => Eventual<Said>): TestKind {
  return {
    compile(value, { warn }) {
      const expansion = compileExpansion(value);
      if (expansion.problem !== undefined) warn(expansion.problem);
      return (run) => withExpanded(expansion, run, (text) => use(text, run));
    },
  };
}

/**
 * A kind whose value is expanded and then read: read once, at load, if it is the same always.
 *
 * @param read May throw `ExpansionFailure`, which is an error of the policy each time the condition is reached.
 */
export function readTest<T>(read: (value: Value) => T, use: (read: T, run: AclRun) => Eventual<Said>): TestKind {
  return {
    compile(value, { warn }) {
      const expansion = compileExpansion(value);
      if (expansion.problem !== undefined) warn(expansion.problem);
      const { constant } = expansion;
      if (constant === undefined) return (run) => withExpanded(expansion, run, (text) => use(read(text), run));
      const known = attempt(() => read(constant));
      if (known instanceof ExpansionFailure) {
        warn(known.message);
        return () => {
          throw known;
        };
      }
      return (run) => use(known, run);
    },
  };
}

function attempt<T>(read: () => T): T | ExpansionFailure {
  try {
    return read();
  } catch (error) {
    if (error instanceof ExpansionFailure) return error;
    throw error;
  }
}
