import { setTimeout as delay } from "node:timers/promises";
import type { Bus } from "@postbus/bus";
import {
  DestinationsAnswer,
  type DestinationsRequest,
  type DmarcDetail,
  verifyDestinationsSubject,
} from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";
import { ownMessage } from "@postbus/queue";
import type { RateStore } from "@postbus/rates";
import type { Logger } from "pino";
import { Compile } from "typebox/compile";
import { type FailedMessage, forensicReport } from "./forensic-report.ts";

const answers = Compile(DestinationsAnswer);

/** Reports about one policy domain in an hour, of the whole fleet: a flood of forged mail must not become one of reports. */
const MAX_AN_HOUR = 20;
const HOUR_SECONDS = 3_600;
/** Reports that are being made; more are left out. */
const MAX_AT_ONCE = 20;
const ASK_TIMEOUT_MS = 25_000;
const STOP_MS = 5_000;

/** A message whose author may be told that it failed. */
export interface Reportable extends FailedMessage {
  /** For the From field, and for the envelope. */
  readonly sender: { readonly from: string; readonly returnPath: string };
  readonly suffixFile: string | undefined;
  readonly authenticatedSender: string | undefined;
}

export interface ForensicDeps {
  readonly bus: Pick<Bus, "publish" | "request">;
  /** Absent: no reports are sent. */
  readonly rates?: Pick<RateStore, "rate"> | undefined;
  readonly hostname: () => string;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Sends failure reports (RFC 9991) to whom a policy names in `ruf`, if they want them, and not too many. No client waits for
 * it. A process that dies meanwhile leaves a report unsent; made twice, it is the same message.
 */
export class ForensicReports {
  readonly #deps: ForensicDeps;
  readonly #running = new Set<Promise<void>>();

  constructor(deps: ForensicDeps) {
    this.#deps = deps;
  }

  send(about: Reportable): void {
    const { log } = this.#deps;
    const { messageId } = about;
    if (this.#running.size >= MAX_AT_ONCE) {
      log.warn({ messageId }, "too many failure reports at one time: one is left out");
      return;
    }
    const running = this.#send(about)
      .catch((err: unknown) => log.warn({ err, messageId }, "a failure report could not be sent"))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** When those that were begun have come to their ends; a verifier that is away does not keep a process from stopping. */
  async stop(): Promise<void> {
    const enough = new AbortController();
    const late = delay(STOP_MS, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), late]);
    enough.abort();
  }

  async #send(about: Reportable): Promise<void> {
    const { bus, rates, now = Date.now } = this.#deps;
    const { record } = about.detail;
    if (record === undefined || rates === undefined) return;
    const rate = await rates.rate({
      key: `dmarc-forensic/${record.domain}`,
      periodSeconds: HOUR_SECONDS,
      limit: MAX_AN_HOUR,
      count: 1,
      update: "leaky",
    });
    if (rate > MAX_AN_HOUR) return;
    const to = await this.#destinations(about, record);
    if (to.length === 0) return;
    const nowMs = now();
    const messageId = derivedMessageId(`${about.messageId}/dmarc-forensic`, about.receivedAtMs);
    const hostname = this.#deps.hostname();
    const headerMessageId = `E${messageId}@${hostname}`;
    const octets = forensicReport(about, { hostname, from: about.sender.from, to, headerMessageId, nowMs });
    const { publication, received } = ownMessage({
      messageId,
      octets,
      returnPath: about.sender.returnPath,
      recipients: to,
      about: about.messageId,
      nowMs,
      headerMessageId,
      service: "gateway",
      authenticatedSender: about.authenticatedSender,
    });
    await bus.publish(publication, [received]);
  }

  async #destinations(
    { suffixFile }: Reportable,
    { domain, ruf }: NonNullable<DmarcDetail["record"]>,
  ): Promise<readonly string[]> {
    const question: DestinationsRequest = {
      v: 1,
      domain,
      uris: [...ruf],
      tag: "ruf",
      ...(suffixFile === undefined ? {} : { suffixFile }),
    };
    const answer = await this.#deps.bus.request(verifyDestinationsSubject, question, { timeoutMs: ASK_TIMEOUT_MS });
    if (!answers.Check(answer)) throw new Error("verify.destinations: the answer does not fit its contract");
    return answer.destinations.map(({ address }) => address);
  }
}

/**
 * Whether the policy wants to hear of this failure (`fo`, RFC 9991 §3): `0` of any that proved nothing (Exim's rule: those
 * that a policy turns away), `1` of any at all, `d` if a signature did not hold, `s` if SPF did not.
 */
export function isReportWanted(
  { record }: DmarcDetail,
  facts: {
    readonly spf?: { readonly result: string } | undefined;
    readonly dkim?: readonly { readonly result: string }[] | undefined;
  },
): boolean {
  if (record === undefined || record.ruf.length === 0) return false;
  const wanted = (record.fo ?? "0").split(":").map((option) => option.trim());
  return wanted.some((option) => {
    if (option === "0" || option === "1") return true;
    if (option === "d") return facts.dkim?.some(({ result }) => result !== "pass") === true;
    return option === "s" && facts.spf !== undefined && facts.spf.result !== "pass" && facts.spf.result !== "none";
  });
}
