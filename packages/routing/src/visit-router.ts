import type { Expansion } from "@postbus/policy";
import type { AddressResult } from "./address-result.ts";
import type { Attempt } from "./attempt.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import { type Child, type Deferred, type DriverResult, deferred, errorNumbers } from "./driver-result.ts";
import { flagValue } from "./flag.ts";
import type { PreconditionResult } from "./preconditions/precondition.ts";
import type { TraceStep } from "./trace.ts";
import { unseenClone } from "./unseen-clone.ts";

/** What follows from a visit to a router. */
export type Step =
  | { readonly kind: "skip" }
  | { readonly kind: "next"; readonly at?: number | undefined }
  /** `no_more`: as if there were no router behind this one. */
  | { readonly kind: "over" }
  | { readonly kind: "end"; readonly result: AddressResult }
  | Deferred;

/** Shows an address to one router. */
export function visitRouter(attempt: Attempt, routers: readonly CompiledRouter[]): Step | Promise<Step> {
  return fromPrecondition(0, attempt, routers);
}

function fromPrecondition(start: number, attempt: Attempt, routers: readonly CompiledRouter[]): Step | Promise<Step> {
  const { preconditions } = attempt.router;
  for (let i = start; i < preconditions.length; i++) {
    const result = preconditions[i]?.test(attempt);
    if (result instanceof Promise) return behind(result, i, attempt, routers);
    const step = unmet(result, attempt);
    if (step !== undefined) return step;
  }
  return run(attempt, routers);
}

/** Apart, since a loop with a closure in it makes an object for each of its turns. */
async function behind(
  awaited: Promise<PreconditionResult>,
  at: number,
  attempt: Attempt,
  routers: readonly CompiledRouter[],
): Promise<Step> {
  return unmet(await awaited, attempt) ?? fromPrecondition(at + 1, attempt, routers);
}

/** Undefined: the precondition is met. */
function unmet(result: PreconditionResult, { router, address, run }: Attempt): Step | undefined {
  if (result === undefined || result.kind === "deferred") return result;
  run.trace.note(address, router, "skipped", result.why);
  return SKIP;
}

const SKIP: Step = { kind: "skip" };

async function run(attempt: Attempt, routers: readonly CompiledRouter[]): Promise<Step> {
  const { router, address } = attempt;
  if (router.setters.length > 0 || router.addressData !== undefined) {
    const prepared = await prepare(attempt);
    if (prepared !== undefined) return prepared;
  }
  if (router.isLastHop) address.inherited = { ...address.inherited, isLastHop: true };
  const result = await router.run(attempt);
  const step = consequence(result, attempt, routers);
  return step instanceof Promise ? await step : step;
}

/** `set` and `address_data`. Undefined: done. */
async function prepare(attempt: Attempt): Promise<Step | undefined> {
  const { router, address } = attempt;
  for (const { name, expansion, source } of router.setters) {
    const value = await prepared(attempt, expansion, source);
    if ("kind" in value) return value;
    const variables = new Map(address.inherited.variables).set(name, value.value);
    address.inherited = { ...address.inherited, variables };
  }
  if (router.addressData !== undefined) {
    const value = await prepared(attempt, router.addressData, router.addressData.source);
    if ("kind" in value) return value;
    address.inherited = { ...address.inherited, addressData: value.value };
  }
  return undefined;
}

async function prepared(attempt: Attempt, expansion: Expansion, source: string) {
  const expanded = await attempt.expand(expansion);
  if (expanded.kind === "value") return { value: expanded.value };
  if (expanded.kind === "forced") return next(attempt, `"${source}" is made to fail`);
  const text = `expansion of "${source}" failed in ${attempt.router.name} router: ${expanded.text}`;
  return deferred(text, errorNumbers.expansion);
}

/** It declines: the next router, unless `more` is false. */
async function next(attempt: Attempt, why: string): Promise<Step> {
  const { router, address, run } = attempt;
  const more = await flagValue(router.more, attempt, "more", true);
  if (typeof more === "object") return more;
  run.trace.note(address, router, "declined", more ? why : `${why}; no_more`);
  return { kind: more ? "next" : "over" };
}

function consequence(result: DriverResult, attempt: Attempt, routers: readonly CompiledRouter[]): Step | Promise<Step> {
  const { router, address, run } = attempt;
  const end = (said: TraceStep["said"], why: string, of: AddressResult): Step => {
    run.trace.note(address, router, said, why);
    return { kind: "end", result: of };
  };
  const { purpose } = run.context;
  if ((purpose === "sender" || purpose === "recipient") && router.failsVerifying[purpose] && GOOD.has(result.kind)) {
    const text = `${router.name} router forced verify failure`;
    return end("failed", text, { end: { kind: "failed", router: router.name, text }, children: [] });
  }
  switch (result.kind) {
    case "declined":
      if (result.text !== undefined) address.message = result.text;
      return next(attempt, result.why ?? "");
    case "passed":
      run.trace.note(address, router, "passed", result.why ?? "");
      return { kind: "next", at: router.passTo };
    case "deferred":
      return result;
    case "failed": {
      const { text, children = [] } = result;
      return end("failed", text, { end: { kind: "failed", router: router.name, text }, children });
    }
    case "discarded":
      return end("discarded", "", { end: { kind: "discarded", router: router.name }, children: [] });
    case "rerouted":
      return end("rerouted", result.child.text, { end: { kind: "replaced" }, children: [{ address: result.child }] });
    case "redirected": {
      const follow = (clone: Clone): Step => {
        if ("kind" in clone) return clone;
        const children = [...clone.children, ...result.children];
        return end("redirected", names(result.children), { end: { kind: "replaced" }, children });
      };
      const clone = unseenClone(attempt, routers);
      return clone instanceof Promise ? clone.then(follow) : follow(clone);
    }
    case "accepted": {
      const follow = (clone: Clone): Step => {
        // The delivery stands; what `unseen` was to be is what cannot be said.
        if ("kind" in clone) return clone;
        const { children } = clone;
        const accepted: AddressResult = { end: { kind: "accepted", accepted: result, attempt }, children };
        return end("accepted", `transport ${result.transport ?? "unset"}`, accepted);
      };
      const clone = unseenClone(attempt, routers);
      return clone instanceof Promise ? clone.then(follow) : follow(clone);
    }
    default:
      throw new Error(`unhandled result: ${JSON.stringify(result satisfies never)}`);
  }
}

const GOOD: ReadonlySet<DriverResult["kind"]> = new Set(["accepted", "redirected", "rerouted", "discarded", "passed"]);

type Clone = Awaited<ReturnType<typeof unseenClone>>;

const MAX_NAMES = 20;

function names(children: readonly Child[]): string {
  const shown = children.slice(0, MAX_NAMES).map(({ address }) => address.text);
  return shown.join(", ") + (children.length > shown.length ? ", …" : "");
}
