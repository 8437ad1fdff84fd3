import { formatPlace, type Place } from "@postbus/policy";
import type { CompiledRouter } from "./compiled-router.ts";

/** One router that an address came by. */
export interface TraceStep {
  readonly address: string;
  readonly router: string;
  readonly place: Place;
  readonly said:
    | "skipped"
    | "declined"
    | "passed"
    | "accepted"
    | "redirected"
    | "rerouted"
    | "discarded"
    | "failed"
    | "deferred";
  /** The precondition that was not met, the transport, the new addresses, the problem. */
  readonly why: string;
}

/** Steps that are kept of one address and all that is made of it. */
const MAX_STEPS = 10_000;

/** All routers that an address and its children came by, in that order. */
export class Trace {
  readonly #steps: TraceStep[] = [];

  get steps(): readonly TraceStep[] {
    return this.#steps;
  }

  note(address: { readonly text: string }, router: CompiledRouter, said: TraceStep["said"], why: string): undefined {
    if (this.#steps.length >= MAX_STEPS) return;
    const { name, place } = router;
    this.#steps.push({ address: address.text, router: name, place, said, why });
  }
}

/** The step in words, on one line. */
export function formatTraceStep({ address, router, place, said, why }: TraceStep): string {
  const text = `${address}: ${formatPlace(place)} ${router}: ${said}${why === "" ? "" : `: ${why}`}`;
  return text.replaceAll(/[^ -~\x80-\xff]/g, " ");
}
