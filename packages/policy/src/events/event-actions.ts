import { AclRun } from "../acl/acl-run.ts";
import type { Acls } from "../acl/acls.ts";
import type { LogTarget } from "../acl/hooks.ts";
import { AclSession } from "../acl/session.ts";
import type { SessionNames } from "../acl/session-names.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Variables } from "../expansion/evaluation.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ExpansionDefer, ForcedFailure, failureText } from "../expansion/failures.ts";
import { textOf } from "../expansion/value.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import type { Configuration } from "../reader/configuration.ts";
import { EventVariables, type RaisedEvent } from "./raised-event.ts";
import { Slots } from "./slots.ts";

/** How long one action may take, waiting for its turn included: mail waits for it. */
const TIMEOUT_MS = 10_000;
/** Actions of one policy, in one process, that run at one time: as many as databases bear. */
const MAX_RUNNING = 50;

/** Who raises an event. */
export interface EventContext {
  /** Of the message, or of the session. */
  readonly variables: Variables;
  /** Lines that the action writes, and what is wrong with it. */
  log(targets: readonly LogTarget[], text: string): void;
}

/** What is done about events: `event_action` of one place. */
export interface EventAction {
  /**
   * Expands the option for the event, with a deadline. Never rejects: what cannot be expanded is logged, and the event has
   * no answer then.
   *
   * @returns the answer; empty: go on. What else it means is up to the event.
   */
  raise(event: RaisedEvent, context: EventContext): Promise<string>;
}

export interface TransportEventAction extends EventAction {
  /** The transport carries messages to other hosts. */
  readonly isRemote: boolean;
}

/** The actions of a policy. */
export interface EventActions {
  /** `event_action` of the main section; undefined: nobody wants to know. */
  readonly main: EventAction | undefined;
  /** Of a transport, its `tpda_…_action`s included. */
  ofTransport(name: string): TransportEventAction | undefined;
}

interface Parts {
  readonly shared: SharedSurroundings;
  readonly acls: Acls;
  readonly names: SessionNames;
}

export function compileEventActions({ main, transports }: Configuration, parts: Parts): EventActions {
  const slots = new Slots(MAX_RUNNING);
  const byTransport = new Map<string, TransportEventAction>();
  for (const { name, kind, generic } of transports.values()) {
    const action = generic.get("event_action");
    const onDelivery = generic.get("tpda_delivery_action");
    const onHostDefer = generic.get("tpda_host_defer_action");
    if (action === undefined && onDelivery === undefined && onHostDefer === undefined) continue;
    const general = action === undefined ? undefined : new Action("event_action", action, name, parts, slots);
    const old = {
      "msg:delivery":
        onDelivery === undefined ? undefined : new Action("tpda_delivery_action", onDelivery, name, parts, slots),
      "msg:host:defer":
        onHostDefer === undefined ? undefined : new Action("tpda_host_defer_action", onHostDefer, name, parts, slots),
    };
    byTransport.set(name, {
      isRemote: kind === "smtp",
      async raise(event, context) {
        const { name: which } = event;
        if (which === "msg:delivery" || which === "msg:host:defer") await old[which]?.raise(event, context);
        return (await general?.raise(event, context)) ?? "";
      },
    });
  }
  const source = main.get("event_action");
  return {
    main: source === undefined ? undefined : new Action("event_action", source, "main", parts, slots),
    ofTransport: (name) => byTransport.get(name),
  };
}

class Action implements EventAction {
  readonly #option: string;
  readonly #expansion: Expansion;
  readonly #place: string;
  readonly #parts: Parts;
  readonly #slots: Slots;

  /** @param place Name of the transport, or `main`. */
  constructor(option: string, source: string, place: string, parts: Parts, slots: Slots) {
    this.#option = option;
    this.#expansion = compileExpansion(source);
    this.#place = place;
    this.#parts = parts;
    this.#slots = slots;
  }

  async raise(event: RaisedEvent, context: EventContext): Promise<string> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      await this.#slots.enter(signal);
      try {
        return await this.#run(event, context, signal);
      } finally {
        this.#slots.leave();
      }
    } catch (err) {
      if (err instanceof ForcedFailure) return "";
      const why = failureText(err);
      // A bug: whoever raises the event knows what to do about that.
      if (why === undefined) throw err;
      const text = `failed to expand ${this.#option} ${event.name} in ${this.#place}: ${why}`;
      context.log(["main", "panic"], text);
      return "";
    }
  }

  async #run(event: RaisedEvent, context: EventContext, signal: AbortSignal): Promise<string> {
    const { shared, acls, names } = this.#parts;
    const session = new AclSession(
      { address: "", port: 0 },
      names,
      { ...shared, signal },
      {
        variables: new EventVariables(event, context.variables),
        log: (targets, text) => context.log(targets, text),
      },
    );
    // For `${acl`: the ACL runs as one that can neither accept nor refuse anything.
    session.run = new AclRun("notquit", session, acls);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(new ExpansionDefer(`no answer in ${TIMEOUT_MS / 1_000} seconds`));
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return textOf(await Promise.race([this.#expansion.run(session.evaluation), late]));
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}
