import { LookupDefer, type LookupOutcome, type LookupRequest, type LookupSpec } from "@postbus/lookups";
import type { Eventual } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionDefer, ExpansionFailure } from "./failures.ts";
import { Tainted, textOf, type Value } from "./value.ts";

/**
 * Makes a lookup for an expansion.
 *
 * @param key The key, or the query.
 * @param file Of a lookup by key.
 * @throws {ExpansionFailure} the file cannot be opened, or its name comes from outside.
 * @throws {ExpansionDefer} the answer is not known now.
 */
export function makeLookup(
  spec: LookupSpec,
  key: Value,
  file: Value | undefined,
  evaluation: Evaluation,
): Eventual<LookupOutcome> {
  const { lookups } = evaluation.around;
  const { name } = spec.type;
  if (lookups === undefined) throw new ExpansionFailure(`lookup type "${name}" is not available here`);
  if (file instanceof Tainted) throw new ExpansionFailure(`Tainted filename '${file.text}' for ${name} lookup`);
  if (spec.type.style === "query") warnUnquoted(spec, key, evaluation);
  evaluation.spend(20);
  const request: LookupRequest = {
    spec,
    key: textOf(key),
    ...(file === undefined ? {} : { file }),
    isTainted: key instanceof Tainted,
  };
  try {
    const outcome = lookups.find(request, evaluation.language.lookupScope(evaluation));
    if (outcome instanceof Promise) return finished(outcome, request.key, evaluation);
    return noted(outcome, evaluation);
  } catch (error) {
    throw failure(error, request.key);
  }
}

async function finished(pending: Promise<LookupOutcome>, key: string, evaluation: Evaluation): Promise<LookupOutcome> {
  try {
    return noted(await pending, evaluation);
  } catch (error) {
    throw failure(error, key);
  }
}

function noted(outcome: LookupOutcome, evaluation: Evaluation): LookupOutcome {
  if (outcome.found && outcome.dnssec !== undefined) {
    evaluation.locals.set("lookup_dnssec_authenticated", outcome.dnssec);
  }
  return outcome;
}

function failure(error: unknown, key: string): unknown {
  if (!(error instanceof LookupDefer)) return error;
  const text = error.expansionMessage(key);
  return error.isOpenFailure
    ? new ExpansionFailure(text, { cause: error })
    : new ExpansionDefer(text, { cause: error });
}

/** Exim goes on as well, and logs it; the query may be right by luck. */
function warnUnquoted({ type }: LookupSpec, query: Value, evaluation: Evaluation): void {
  if (!(query instanceof Tainted) || type.quote === undefined || query.quotedFor === type.name) return;
  evaluation.around.warn?.(`tainted search query is not properly quoted (${type.name}): ${query.text.slice(0, 256)}`);
}
