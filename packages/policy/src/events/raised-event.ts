import type { Variables } from "../expansion/evaluation.ts";
import { Tainted, type Value } from "../expansion/value.ts";

/** The events of Exim's manual, "Events", and of its first descriptions. */
export type EventName =
  | "tcp:connect"
  | "tcp:close"
  | "smtp:connect"
  | "smtp:ehlo"
  | "tls:cert"
  | "tls:fail:connect"
  | "msg:delivery"
  | "msg:host:defer"
  | "msg:rcpt:host:defer"
  | "msg:rcpt:defer"
  | "msg:defer"
  | "msg:fail:delivery"
  | "msg:fail:internal"
  | "msg:complete"
  | "auth:fail"
  | "dns:fail"
  | "smtp:fail:protocol"
  | "smtp:fail:syntax";

/** One thing that has happened, for those who want to do something about it. */
export interface RaisedEvent {
  readonly name: EventName;
  /** `$event_data`; peers write it. */
  readonly data?: string | undefined;
  /** `$event_defer_errno`; of deferrals only. */
  readonly deferErrno?: number;
  /** `host`, `host_address`, `host_port`, `sending_ip_address`, `router_name`, … */
  readonly variables?: Readonly<Record<string, Value | number | undefined>>;
}

/** The variables of an event in front of those of its message or session. */
export class EventVariables implements Variables {
  readonly #event: RaisedEvent;
  readonly #around: Variables;

  constructor(event: RaisedEvent, around: Variables) {
    this.#event = event;
    this.#around = around;
  }

  get(name: string): ReturnType<Variables["get"]> {
    const { name: event, data, deferErrno, variables = {} } = this.#event;
    switch (name) {
      case "event_name":
      case "tpda_event":
        return event;
      case "event_data":
      case "tpda_data":
        return data === undefined ? "" : new Tainted(data);
      case "event_defer_errno":
        return deferErrno ?? 0;
      case "tpda_defer_errno":
        return deferErrno === undefined ? "" : String(deferErrno);
      case "tpda_defer_errstr":
        return deferErrno === undefined || data === undefined ? "" : new Tainted(data);
      case "tpda_delivery_confirmation":
        return event !== "msg:delivery" || data === undefined ? "" : new Tainted(data);
      default: {
        const alias = OLD_NAMES.get(name);
        if (alias !== undefined) return asText(this.get(alias));
        return Object.hasOwn(variables, name) ? variables[name] : this.#around.get(name);
      }
    }
  }
}

/** Of the first descriptions, where they were texts. */
const OLD_NAMES: ReadonlyMap<string, string> = new Map([
  ["tpda_delivery_ip", "host_address"],
  ["tpda_delivery_port", "host_port"],
  ["tpda_delivery_fqdn", "host"],
  ["tpda_delivery_local_part", "local_part"],
  ["tpda_delivery_domain", "domain"],
]);

const asText = (value: ReturnType<Variables["get"]>): ReturnType<Variables["get"]> =>
  typeof value === "number" ? String(value) : value;
