import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Bus } from "@postbus/bus";
import { DestinationsAnswer, type DestinationsRequest, verifyDestinationsSubject } from "@postbus/contracts";
import { type CountedDmarcResult, DAY_MS, type History, readDmarcResult } from "@postbus/history";
import { derivedMessageId } from "@postbus/mail";
import { parseMailbox } from "@postbus/policy";
import { ownMessage } from "@postbus/queue";
import type { Part } from "@postbus/service-kit";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { aggregateMessage } from "./aggregate-message.ts";

const answers = Compile(DestinationsAnswer);

/** What the policy in force says about reports; undefined: none are sent. */
export interface AggregateSettings {
  readonly hostname: string;
  /** For the From field; its address is the return path. */
  readonly from: string;
  /** `bounce_sender_authentication`: as whom reports are sent to hosts that we authenticate to. */
  readonly authenticatedSender: string | undefined;
  readonly suffixFile: string | undefined;
}

export interface AggregateDeps {
  readonly history: Pick<
    History,
    "nextDmarcDomain" | "claimDmarcReport" | "endDmarcReport" | "dmarcResults" | "pruneDmarcResults" | "message"
  >;
  readonly bus: Pick<Bus, "publish" | "request">;
  readonly settings: () => AggregateSettings | undefined;
  /** Whether the record of events is read up to now. */
  readonly isUpToDate: () => boolean;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** For tests; default `REPORT_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
}

/** How often it is looked whether a day is over. */
const LOOK_EVERY_MS = 5 * 60_000;
/** Not at once: a start has better things to do. */
const FIRST_LOOK_MS = 60_000;
/** Behind the end of a day (UTC): its last events have been read by then. */
const MARGIN_MS = 30 * 60_000;
/** Days that are reported late, after the sender was away; older ones are forgotten. */
const MAX_DAYS = 3;
/** Whoever has claimed a report is done by then, or is dead. */
const LEASE_MS = 15 * 60_000;
/** Of the lease, what must be left when a report goes out. */
const LEASE_REST_MS = 5 * 60_000;
/** So often a report is tried that fails: some eight hours. */
const MAX_TRIES = 30;
/** So often it is waited for a DNS that does not answer. */
const MAX_ATTEMPTS = 10;
const MAX_RESULTS = 10_000;
/** Reports that are made beside each other: most of the time is waited for the DNS. */
const BESIDE = 4;
/** For one report, whatever it waits for; a part of the lease. */
const REPORT_TIMEOUT_MS = 5 * 60_000;
const ASK_TIMEOUT_MS = 25_000;

/**
 * Sends aggregate reports (RFC 9990) about each day, when it is over. Of all loggers that share a history one does it,
 * report by report: it claims the domain's day, publishes, and marks it as done. Whoever dies in between leaves a claim
 * that runs out; the next one looks in the history whether the report has gone out, since it has an id that follows from
 * domain and day.
 */
export class AggregateReports implements Part {
  readonly name = "aggregate reports";
  readonly #deps: AggregateDeps;
  readonly #owner = randomUUID();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(deps: AggregateDeps) {
    this.#deps = deps;
  }

  start(): this {
    this.#running = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const pause = (ms: number) => delay(ms, undefined, { signal }).catch(() => undefined); // stop() ends it.
    for (await pause(FIRST_LOOK_MS); !signal.aborted; await pause(LOOK_EVERY_MS)) {
      try {
        await this.look();
      } catch (err) {
        if (signal.aborted) return; // What was under way is done by the next that claims it.
        this.#deps.log.warn({ err }, "aggregate reports are late");
      }
    }
  }

  /**
   * Reports what is to be reported now, once.
   *
   * @returns how many reports have gone out. @throws what the first of those has met with that could not be made, behind the others.
   */
  async look(): Promise<number> {
    const { history, settings, isUpToDate, now = Date.now } = this.#deps;
    const today = Math.floor((now() - MARGIN_MS) / DAY_MS);
    while (!this.#stopping.signal.aborted && (await history.pruneDmarcResults(today - MAX_DAYS)));
    const current = settings();
    if (current === undefined || !isUpToDate()) return 0;
    let sent = 0;
    const failures: unknown[] = [];
    const domains = this.#unreported(today);
    const work = async (): Promise<void> => {
      for await (const [day, domain] of domains) {
        try {
          if (await this.#inTime(day, domain, current)) sent += 1;
        } catch (err) {
          // The others need not wait for it; its claim runs out, and it is tried again.
          failures.push(err);
        }
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: BESIDE }, work));
    for (const end of ended) if (end.status === "rejected") failures.push(end.reason);
    if (failures.length > 0) throw failures[0];
    return sent;
  }

  /** Days of domains, until it is to stop. Those who ask at the same time get one after the other. */
  async *#unreported(today: number): AsyncGenerator<readonly [day: number, domain: string]> {
    const { history } = this.#deps;
    for (let day = today - MAX_DAYS; day < today; day++) {
      let domain: string | undefined = "";
      while (!this.#stopping.signal.aborted) {
        domain = await history.nextDmarcDomain(day, domain);
        if (domain === undefined) break;
        yield [day, domain];
      }
    }
  }

  /** Who waits for ever keeps no other report waiting. */
  async #inTime(day: number, domain: string, settings: AggregateSettings): Promise<boolean> {
    const timeout = new AbortController();
    const signal = AbortSignal.any([timeout.signal, this.#stopping.signal]);
    const { promise: late, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    const { timeoutMs = REPORT_TIMEOUT_MS } = this.#deps;
    const timer = setTimeout(() => timeout.abort(new Error(`no report about ${domain} in ${timeoutMs} ms`)), timeoutMs);
    try {
      return await Promise.race([this.#report(day, domain, settings, signal), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #report(day: number, domain: string, settings: AggregateSettings, signal: AbortSignal): Promise<boolean> {
    const { history, bus, log, now = Date.now } = this.#deps;
    const nowMs = now();
    const claim = { day, domain, owner: this.#owner, nowMs, untilMs: nowMs + LEASE_MS };
    const attempts = await history.claimDmarcReport(claim);
    if (attempts === undefined) return false;
    if (attempts > MAX_TRIES) {
      log.warn({ domain, attempts }, "an aggregate report could not be made: it is given up");
      await history.endDmarcReport(claim);
      return false;
    }
    const messageId = derivedMessageId(`dmarc-aggregate/${settings.hostname}/${domain}/${day}`, (day + 1) * DAY_MS);
    if (attempts > 1 && (await history.message(messageId)) !== undefined) {
      await history.endDmarcReport(claim);
      return false;
    }
    const { results, messages } = await history.dmarcResults(day, domain, MAX_RESULTS);
    const wanted = await this.#destinations(domain, results, settings);
    if (wanted.isIncomplete === true && attempts < MAX_ATTEMPTS) return false;
    const message = (to: readonly string[]): Promise<Buffer> => {
      const report = {
        ...{ hostname: settings.hostname, domain, to, results, messages, nowMs },
        from: settings.from,
        email: parseMailbox(settings.from)?.address ?? settings.from,
        uniqueId: messageId.replaceAll("-", ""),
        begin: (day * DAY_MS) / 1000,
        end: ((day + 1) * DAY_MS) / 1000 - 1,
      };
      return aggregateMessage(report, signal);
    };
    const addresses = wanted.destinations.map(({ address }) => address);
    const toAll = results.length === 0 ? Buffer.alloc(0) : await message(addresses);
    const size = toAll.length;
    const to = wanted.destinations.filter(({ maxOctets = Infinity }) => size <= maxOctets).map((each) => each.address);
    if (results.length > 0 && to.length > 0) {
      // A machine that has slept meanwhile is not the only one at it any more.
      const octets = to.length === addresses.length ? toAll : await message(to);
      if (now() > claim.untilMs - LEASE_REST_MS) return false;
      signal.throwIfAborted();
      const { publication, received } = ownMessage({
        messageId,
        octets,
        returnPath: parseMailbox(settings.from)?.address ?? "",
        recipients: to,
        nowMs,
        headerMessageId: `${messageId.replaceAll("-", "")}@${settings.hostname}`,
        service: "logger",
        authenticatedSender: settings.authenticatedSender,
      });
      await bus.publish(publication, [received]);
      log.info({ messageId, domain, recipients: to.length }, "an aggregate report goes out");
    }
    await history.endDmarcReport(claim);
    return results.length > 0 && to.length > 0;
  }

  async #destinations(
    domain: string,
    results: readonly CountedDmarcResult[],
    { suffixFile }: AggregateSettings,
  ): Promise<DestinationsAnswer> {
    const last = results.reduce<CountedDmarcResult | undefined>((a, b) => (a && a.atMs > b.atMs ? a : b), undefined);
    const question: DestinationsRequest = {
      v: 1,
      domain,
      uris: [...(last === undefined ? [] : readDmarcResult(last.body).record.rua)],
      tag: "rua",
      ...(suffixFile === undefined ? {} : { suffixFile }),
    };
    const answer = await this.#deps.bus.request(verifyDestinationsSubject, question, { timeoutMs: ASK_TIMEOUT_MS });
    if (!answers.Check(answer)) throw new Error("verify.destinations: the answer does not fit its contract");
    return answer;
  }
}
