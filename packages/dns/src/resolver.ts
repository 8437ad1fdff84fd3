import { randomInt } from "node:crypto";
import { DeferError } from "@postbus/mail";
import type { Answer } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import { failed, givenUp, type Outcome } from "./exchange.ts";
import { FailureCache } from "./failure-cache.ts";
import { queryName } from "./query-name.ts";
import { queryPacket } from "./question.ts";
import type { RecordType } from "./record.ts";
import { parseServers, type ServerAddress, systemServers } from "./server-address.ts";
import { ServerWatch } from "./server-watch.ts";
import { Slots } from "./slots.ts";
import { tcpExchange } from "./tcp-exchange.ts";
import { udpExchange } from "./udp-exchange.ts";

export interface ResolveOptions {
  /** For this caller; a question that nobody waits for any more is given up. */
  readonly signal?: AbortSignal;
}

/** Asks the DNS. */
export interface Resolver {
  /**
   * @param name With or without the final dot, A-labels; what cannot be a name is "no such name".
   * @throws {DeferError} nobody could tell within the deadline: timeouts, SERVFAIL, refusals, broken answers.
   */
  resolve<T extends RecordType>(name: string, type: T, options?: ResolveOptions): Promise<Answer<T>>;
}

export interface ResolverOptions {
  /** Asked in this order; one that fails comes last until another one fails, one that is dead is not asked. */
  readonly servers: readonly ServerAddress[];
  /** For one question, over all servers and attempts. */
  readonly deadlineMs?: number;
  /** For the first attempts; doubled in each round over the servers. */
  readonly attemptTimeoutMs?: number;
  /** For all answers that are kept. */
  readonly cacheOctets?: number;
  /** Questions on their way at one time; each has a socket. */
  readonly parallel?: number;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/** A question on its way. */
interface Asked {
  readonly answer: Promise<Answer>;
  readonly endsAtMs: number;
  /** Callers that have not left. */
  waiting: number;
  /** When there is none left. */
  readonly end: AbortController;
}

/** Less than the 20 s that RFC 7208 §4.6.4 gives to an SPF check; glibc's default, 5 s × 2 attempts. */
const DEADLINE_MS = 10_000;
/** An honest resolver that has to ask around is usually done in one second; after that a packet may have got lost. */
const ATTEMPT_TIMEOUT_MS = 1_500;
/** Every resolver has the root servers' names at hand. */
const PROBE_TIMEOUT_MS = 1_000;
/** Rounds over all servers. */
const MAX_ROUNDS = 3;
const CACHE_OCTETS = 8 * 1024 * 1024;
const PARALLEL = 256;
/** Questions that wait for one of those; each costs about 1 KB. */
const MAX_WAITING = 10_000;

/** From the setting `POSTBUS_DNS_SERVERS`; without it, the system's resolvers. */
export async function openResolver(dnsServers: string | undefined): Promise<Resolver> {
  return createResolver({ servers: dnsServers === undefined ? await systemServers() : parseServers(dnsServers) });
}

/** A stub resolver (RFC 1034 §5.3.1) with a cache of answers and of failures (RFC 9520); the same question is asked once, however
 * many wait for it. */
export function createResolver(options: ResolverOptions): Resolver {
  const now = options.now ?? (() => performance.now());
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const attemptTimeoutMs = options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
  const cache = new AnswerCache(options.cacheOctets ?? CACHE_OCTETS, now);
  const failures = new FailureCache(now);
  const slots = new Slots(options.parallel ?? PARALLEL, MAX_WAITING);
  const inFlight = new Map<string, Asked>();
  const probe = async (server: ServerAddress): Promise<boolean> => {
    const outcome = await askServer(server, "", "NS", Math.min(PROBE_TIMEOUT_MS, attemptTimeoutMs));
    return outcome.kind === "answer" || !outcome.isSilent;
  };
  const watch = new ServerWatch(options.servers, probe, now);

  /** Server after server, until one has an answer. */
  async function ask<T extends RecordType>(name: string, type: T, key: string, asked: Asked): Promise<Answer<T>> {
    let trouble = "no server answers any question";
    // Silence in what was left of the time when the question's turn came tells nothing of the name.
    let hadItsTime = false;
    const hasFailed = (text: string): DeferError => {
      // What is wrong with our own servers is over as soon as one of them is back.
      if (hadItsTime && watch.available().length > 0) failures.add(key, trouble);
      return new DeferError("dns", `${type} ${name}: ${text}`);
    };
    const left = "nobody waits for an answer";
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const server of watch.available()) {
        if (asked.end.signal.aborted) throw new DeferError("dns", `${type} ${name}: ${left}`);
        const timeoutMs = Math.min(attemptTimeoutMs * 2 ** round, asked.endsAtMs - now());
        if (timeoutMs <= 0) break;
        const response = await askServer(server, name, type, timeoutMs, asked.end.signal);
        if (response.kind === "answer") {
          cache.set(key, response.answer, response.octets);
          failures.forget(key);
          return response.answer;
        }
        if (response === givenUp) {
          // All servers have been silent once: who comes next would only wait as long.
          hadItsTime &&= round > 0;
          throw hasFailed(left);
        }
        hadItsTime ||= timeoutMs >= attemptTimeoutMs || !response.isSilent;
        trouble = `${server.address}:${server.port}: ${response.reason}`;
        watch.failed(server, response.isSilent);
      }
    }
    throw hasFailed(trouble);
  }

  return {
    async resolve<T extends RecordType>(name: string, type: T, { signal }: ResolveOptions = {}): Promise<Answer<T>> {
      const plain = queryName(name);
      if (plain === undefined) return { state: "no such name", authenticated: false, ttlSeconds: 0 };
      const key = `${type} ${plain}`;
      const kept = cache.get(key);
      // The key holds the type, so the answer is of that type; the same goes for `inFlight`.
      if (kept !== undefined) return kept as Answer<T>;
      const trouble = failures.get(key);
      if (trouble !== undefined) throw new DeferError("dns", `${type} ${plain}: ${trouble} (a moment ago)`);
      if (signal?.aborted === true) throw leftBy(`${type} ${plain}`);
      const joined = inFlight.get(key);
      if (joined !== undefined) joined.waiting++;
      const asked = joined ?? askOnce(plain, type, key);
      const answer = asked.answer as Promise<Answer<T>>;
      // Who has no signal waits to the end.
      if (signal === undefined) return answer;
      try {
        return await beforeAbort(answer, signal, `${type} ${plain}`);
      } finally {
        asked.waiting--;
        if (asked.waiting === 0 && inFlight.get(key) === asked) giveUp(key, asked);
      }
    },
  };

  function askOnce(name: string, type: RecordType, key: string): Asked {
    const { promise: answer, resolve } = Promise.withResolvers<Answer>();
    const asked: Asked = { answer, endsAtMs: now() + deadlineMs, waiting: 1, end: new AbortController() };
    inFlight.set(key, asked);
    const settled = (): void => {
      // Else it was given up, and another one is on its way.
      if (inFlight.get(key) === asked) inFlight.delete(key);
    };
    resolve(slots.run(() => ask(name, type, key, asked)).finally(settled));
    // Whoever has left does not want to know.
    answer.catch(() => undefined);
    return asked;
  }

  /** Whoever comes from now on asks anew. */
  function giveUp(key: string, asked: Asked): void {
    inFlight.delete(key);
    asked.end.abort();
  }
}

async function askServer<T extends RecordType>(
  server: ServerAddress,
  name: string,
  type: T,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Exclude<Outcome<T>, { kind: "truncated" }>> {
  const endsAtMs = performance.now() + timeoutMs;
  const answered = await exchange(server, name, type, timeoutMs, true, signal);
  // RFC 6891 §7: a server that does not know EDNS says that it cannot read the question, or does not do
  // such things, or not in this version.
  if (answered.kind !== "failure" || !/^(?:FORMERR|NOTIMP|BADVERS)$/.test(answered.reason)) return answered;
  const leftMs = endsAtMs - performance.now();
  return leftMs <= 0 ? answered : exchange(server, name, type, leftMs, false, signal);
}

async function exchange<T extends RecordType>(
  server: ServerAddress,
  name: string,
  type: T,
  timeoutMs: number,
  usesEdns: boolean,
  signal: AbortSignal | undefined,
): Promise<Exclude<Outcome<T>, { kind: "truncated" }>> {
  const query = { ...queryPacket(randomInt(0x1_0000), name, type, usesEdns), type };
  const request = { server, query, timeoutMs, signal };
  const overUdp = await udpExchange(request);
  if (overUdp.kind !== "truncated") return overUdp;
  const overTcp = await tcpExchange(request);
  return overTcp.kind === "truncated" ? failed("a truncated answer over TCP") : overTcp;
}

const leftBy = (what: string): DeferError => new DeferError("dns", `${what}: given up by the caller`);

async function beforeAbort<R>(promise: Promise<R>, signal: AbortSignal, what: string): Promise<R> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(leftBy(what));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
