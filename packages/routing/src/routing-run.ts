import { createEvaluation, type Evaluation } from "@postbus/policy";
import type { CompiledRouter } from "./compiled-router.ts";
import type { RoutingContext } from "./routing-context.ts";
import { RoutingMemory } from "./routing-memory.ts";
import type { RoutingSettings } from "./routing-settings.ts";
import { RoutingVariables } from "./routing-variables.ts";
import { Trace } from "./trace.ts";

/** Verifies the address of an `errors_to`. @returns it with its domain; undefined: bounces would not reach it. */
export type Reachable = (address: string) => Promise<string | undefined>;

/** One address that is routed, with all that is made of it. */
export class RoutingRun {
  readonly context: RoutingContext;
  readonly settings: RoutingSettings;
  readonly variables: RoutingVariables;
  readonly evaluation: Evaluation;
  readonly trace = new Trace();
  readonly memory: RoutingMemory;
  readonly reachable: Reachable;
  /** Addresses with too many ancestors. */
  loops = 0;

  readonly routers: readonly CompiledRouter[];

  constructor(
    routers: readonly CompiledRouter[],
    settings: RoutingSettings,
    context: RoutingContext,
    reachable: Reachable,
  ) {
    this.routers = routers;
    this.settings = settings;
    this.context = context;
    this.reachable = reachable;
    this.memory = context.memory ?? new RoutingMemory();
    const { surroundings } = context;
    this.variables = new RoutingVariables(context, {
      primary_hostname: surroundings.settings.primaryHostname,
      ...settings.variables,
    });
    this.evaluation = createEvaluation({ ...surroundings, variables: this.variables });
  }

  /** `qualify_recipient`, or what stands in for it. */
  get qualifyRecipient(): string {
    return this.settings.qualifyRecipient ?? this.context.surroundings.settings.primaryHostname;
  }
}
