import type { Bus, WaitingItem } from "@postbus/bus";
import { type MailEvent, RouteItem } from "@postbus/contracts";
import type { QueueRules } from "@postbus/queue";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";

/** How often frozen mail is looked through, and how many items at one time. */
const SWEEP_MS = 60_000;
const PAGE = 200;
/** One look takes no more of them; the next one goes on behind them. */
const MAX_ITEMS = 10_000;
/** `RECIP_FAIL_TIMEOUT` in Exim's words. */
const TIMED_OUT = "delivery timed out";

export interface FrozenMailDeps {
  readonly bus: Pick<Bus, "waiting" | "events">;
  readonly rules: () => QueueRules;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Logger, "warn">;
}

const routeItem = Compile(RouteItem);

/**
 * Frozen messages whose time has come: `auto_thaw`, `timeout_frozen_after`, `ignore_bounce_errors_after` (Exim's manual,
 * "Main configuration"). Every router looks; what one has thawed the next one does not find.
 */
export class FrozenMail {
  readonly #deps: FrozenMailDeps;
  readonly #timer: NodeJS.Timeout;
  #after: string | undefined;
  #sweep: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: FrozenMailDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => {
      this.#sweep ??= this.sweep()
        .catch((err: unknown) => deps.log.warn({ err }, "frozen mail could not be looked through"))
        .finally(() => {
          this.#sweep = undefined;
        });
    }, SWEEP_MS).unref();
  }

  async sweep(): Promise<void> {
    const { waiting } = this.#deps.bus;
    for (let count = 0; count < MAX_ITEMS && !this.#isStopped; count += PAGE) {
      const after = this.#after === undefined ? {} : { after: this.#after };
      const page = await waiting.list({ state: "frozen", limit: PAGE, ...after });
      for (const item of page) await this.#look(item);
      this.#after = page.length < PAGE ? undefined : page.at(-1)?.id;
      if (this.#after === undefined) return;
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#sweep;
  }

  async #look({ id, messageId, header }: WaitingItem): Promise<void> {
    if (!routeItem.Check(header)) return;
    const { waiting, events } = this.#deps.bus;
    const text = this.#verdict(header);
    if (text === undefined) return;
    if (text === CANCELLED && !(await waiting.revise(id, { ...header, cancelled: TIMED_OUT }))) return;
    if (!(await waiting.takeNow(id))) return;
    const atMs = this.#deps.now();
    const note: MailEvent = {
      ...{ v: 1, id: `${id}:msg:note:thawed:${atMs}`, atMs, service: "router", messageId, name: "msg:note", text },
    };
    await events.record([note]);
  }

  /** @returns the line of the log that says why it does not stay frozen. */
  #verdict({ returnPath, receivedAtMs, queuedAtMs, frozenAtMs = queuedAtMs }: RouteItem): string | undefined {
    const { autoThawMs, ignoreBounceErrorsAfterMs, timeoutFrozenAfterMs } = this.#deps.rules();
    const nowMs = this.#deps.now();
    const ageMs = nowMs - receivedAtMs;
    if (timeoutFrozenAfterMs > 0 && ageMs >= timeoutFrozenAfterMs) return CANCELLED;
    if (returnPath === "") return ageMs >= ignoreBounceErrorsAfterMs ? "Unfrozen by errmsg timer" : undefined;
    return autoThawMs > 0 && nowMs > frozenAtMs + autoThawMs ? "Unfrozen by auto-thaw" : undefined;
  }
}

const CANCELLED = "cancelled by timeout_frozen_after";
