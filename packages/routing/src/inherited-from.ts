import { textOf } from "@postbus/policy";
import type { Attempt } from "./attempt.ts";
import { type Deferred, deferred, errorNumbers } from "./driver-result.ts";
import type { Inherited } from "./routed-address.ts";
import { isVerifying } from "./routing-context.ts";

/**
 * What `errors_to`, `headers_add` and `headers_remove` of a router make of what the address has inherited. An
 * `errors_to` that cannot be reached is left out: a bounce there would only make another one.
 */
export function inheritedFrom(attempt: Attempt): Inherited | Promise<Inherited | Deferred> {
  const { errorsTo, headersAdd, headersRemove } = attempt.router;
  if (errorsTo === undefined && headersAdd.length === 0 && headersRemove.length === 0) return attempt.address.inherited;
  return changed(attempt);
}

async function changed(attempt: Attempt): Promise<Inherited | Deferred> {
  const errors = await errorsTo(attempt);
  if ("kind" in errors) return errors;
  return headerChanges(attempt, errors);
}

async function errorsTo(attempt: Attempt): Promise<Inherited | Deferred> {
  const { address, router, run } = attempt;
  const { inherited } = address;
  if (router.errorsTo === undefined) return inherited;
  const expanded = await attempt.expand(router.errorsTo);
  if (expanded.kind === "forced") return inherited;
  if (expanded.kind === "failed") {
    return deferred(`${router.name} router failed to expand "${router.errorsTo.source}": ${expanded.text}`);
  }
  const text = textOf(expanded.value);
  if (text === "") return { ...inherited, errorsTo: "", ignoresErrors: true };
  if (isVerifying(run.context)) return { ...inherited, errorsTo: text };
  const reachable = await run.reachable(text);
  return reachable === undefined ? inherited : { ...inherited, errorsTo: reachable };
}

async function headerChanges(attempt: Attempt, inherited: Inherited): Promise<Inherited | Deferred> {
  const { router } = attempt;
  const headersAdd = [...inherited.headersAdd];
  for (const expansion of router.headersAdd) {
    const expanded = await attempt.expand(expansion);
    if (expanded.kind === "failed") {
      const what = `${router.name} router failed to expand add_headers item "${expansion.source}"`;
      return deferred(`${what}: ${expanded.text}`, errorNumbers.expansion);
    }
    const text = expanded.kind === "value" ? textOf(expanded.value) : "";
    if (text !== "") headersAdd.push(text.endsWith("\n") ? text : `${text}\n`);
  }
  const headersRemove = [...inherited.headersRemove];
  for (const expansion of router.headersRemove) {
    const expanded = await attempt.expand(expansion);
    if (expanded.kind === "failed") {
      const what = `${router.name} router failed to expand remove_headers item "${expansion.source}"`;
      return deferred(`${what}: ${expanded.text}`, errorNumbers.expansion);
    }
    const text = expanded.kind === "value" ? textOf(expanded.value) : "";
    if (text !== "") headersRemove.push(text);
  }
  if (headersAdd.length + headersRemove.length > MAX_CHANGES || octetsIn(headersAdd) > MAX_OCTETS) {
    return deferred(`${router.name} router: too many header lines are added or removed`);
  }
  return { ...inherited, headersAdd, headersRemove };
}

/** An address may come by a hundred routers, and each of them adds to what the ones before have added. */
const MAX_CHANGES = 1_000;
/** It stands in every work item of those who have inherited it. */
const MAX_OCTETS = 64 * 1024;

const octetsIn = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0);
