import { type Eventual, then } from "../../expansion/code.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import { readTime } from "../../reader/option-value.ts";
import type { Place, ProblemList } from "../../reader/problem.ts";
import type { AclSession } from "../session.ts";
import { isClientIn } from "./is-client-in.ts";

/** From which command on the client waits, and how long: 2nd, 3rd … field of the option. */
interface Schedule {
  readonly threshold: number;
  readonly firstMs: number;
  readonly factor: number;
  readonly mostMs: number;
}

/** `smtp_ratelimit_hosts`, `…_mail`, `…_rcpt`: who sends many commands waits for each of them longer than for the one before. */
export class CommandDelays {
  readonly #hosts: CompiledList | undefined;
  readonly #schedules: Readonly<Record<"mail" | "rcpt", Schedule | undefined>>;

  constructor({ main }: Pick<Configuration, "main">, problems: ProblemList) {
    const hosts = main.get("smtp_ratelimit_hosts")?.trim() ?? "";
    this.#hosts = hosts === "" ? undefined : compileList("host", hosts);
    const schedule = (option: "smtp_ratelimit_mail" | "smtp_ratelimit_rcpt"): Schedule | undefined => {
      const setting = main.setting(option);
      return setting && scheduleOf(option, main.get(option) ?? "", setting.place, problems);
    };
    this.#schedules = { mail: schedule("smtp_ratelimit_mail"), rcpt: schedule("smtp_ratelimit_rcpt") };
  }

  /**
   * Waits, if the client has to. @param count Of this command: in the connection, or for RCPT in the message, this one
   * included.
   */
  wait(command: "mail" | "rcpt", count: number, session: AclSession): Eventual<void> {
    const schedule = this.#schedules[command];
    if (schedule === undefined || this.#hosts === undefined || count <= schedule.threshold) return undefined;
    const { firstMs, factor, mostMs, threshold } = schedule;
    const ms = Math.min(firstMs * factor ** (count - threshold - 1), mostMs);
    return then(isClientIn(this.#hosts, session), (isLimited) =>
      isLimited && ms > 0 ? session.hooks.delay?.(ms / 1000, true) : undefined,
    );
  }
}

/** `2,0.5s,1.05,4m` (Exim's manual, "smtp_ratelimit_mail"). */
function scheduleOf(option: string, text: string, place: Place, problems: ProblemList): Schedule | undefined {
  const [threshold = "", first = "", factor = "", most = "", ...more] = text.split(",").map((field) => field.trim());
  const firstMs = milliseconds(first);
  const mostMs = milliseconds(most);
  const isGood = /^\d{1,9}$/.test(threshold) && /^\d{1,6}(?:\.\d+)?$/.test(factor) && more.length === 0;
  if (isGood && firstMs !== undefined && mostMs !== undefined) {
    return { threshold: Number(threshold), firstMs, factor: Number(factor), mostMs };
  }
  problems.error(
    place,
    `${option}: a threshold, a delay, a factor and a limit are expected (2,0.5s,1.05,4m), not "${text}"`,
  );
  return undefined;
}

/** A time with its unit, the last of which may have decimals. */
function milliseconds(text: string): number | undefined {
  const [, decimal] = /^(\d{1,9}\.\d+)s?$/.exec(text) ?? [];
  if (decimal !== undefined) return Number(decimal) * 1000;
  if (!/^(?:\d+[wdhms]?)+$/.test(text)) return undefined;
  return readTime(text);
}
