import type { ScanServer } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { ScannedMessage } from "../message/scanned-message.ts";
import { Breaker } from "./breaker.ts";
import { EngineError } from "./engine-error.ts";
import { Places } from "./places.ts";
import { probeMessage } from "./probe-message.ts";
import { serverName } from "./server-name.ts";

/** Programs that look into messages. */
export type EngineProgram = "dccifd" | "clamd" | "spamd" | "rspamd";

/** A small message takes milliseconds, and a second where rules ask the DNS. */
const PROBE_TIMEOUT_MS = 5_000;
/** Hosts that are remembered: the policy may make their names of anything. */
const MAX_HOSTS = 256;

interface EngineHost {
  readonly program: EngineProgram;
  readonly name: string;
  readonly breaker: Breaker;
  readonly places: Places;
}

/** Who is asked about what. */
export interface HostQuestion {
  readonly program: EngineProgram;
  readonly server: ScanServer;
  readonly message: ScannedMessage;
  readonly signal: AbortSignal;
}

/** What is to be counted. */
export interface HostWatch {
  /** @param result `ok`, `failed`, or `refused` by the breaker. */
  asked(program: EngineProgram, result: "ok" | "failed" | "refused", seconds: number): void;
}

/** The engines that have been asked so far: how many questions each may have at one time, and whether it is asked at all. */
export class EngineHosts {
  readonly #hosts = new Map<string, EngineHost>();
  readonly #connections: number;
  readonly #watch: HostWatch | undefined;

  /** @param connections To one host, at one time. */
  constructor(connections: number, watch?: HostWatch) {
    this.#connections = connections;
    this.#watch = watch;
  }

  /**
   * Lets `use` talk to a host about a message, when there is a place for it.
   *
   * @param signal For the waiting and the talk.
   * @param use Also called with a message of our own, to find out whether the host works at all.
   * @throws {DeferError} the host has not answered, or is not asked at present.
   */
  async ask<T>(
    { program, server, message, signal }: HostQuestion,
    use: (message: ScannedMessage, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const host = this.#host(program, server);
    const startMs = performance.now();
    const tell = (result: "ok" | "failed" | "refused"): void => {
      this.#watch?.asked(program, result, (performance.now() - startMs) / 1000);
    };
    const refusal = await host.breaker.refusal(() => probe(use));
    if (refusal !== undefined) {
      tell("refused");
      throw new DeferError(host.name, refusal);
    }
    try {
      await host.places.take(signal);
    } catch (err) {
      tell("failed");
      throw new DeferError(host.name, `all ${this.#connections} connections are in use`, { cause: err });
    }
    try {
      const answer = await use(message, signal);
      host.breaker.succeeded();
      tell("ok");
      return answer;
    } catch (err) {
      // What went wrong on our side (content that cannot be read, a bug) says nothing about the host.
      if (!(err instanceof EngineError)) throw err;
      if (err.isRefusal) host.breaker.succeeded();
      else host.breaker.failed(err.message, message.digest());
      tell("failed");
      throw new DeferError(host.name, err.message, { cause: err });
    } finally {
      host.places.give();
    }
  }

  /** Hosts that are not asked at present, with the reason; undefined: none. */
  get problem(): string | undefined {
    const problems = [...this.#hosts.values()].flatMap(({ name, breaker: { problem } }) =>
      problem === undefined ? [] : [`${name}: ${problem}`],
    );
    return problems.length === 0 ? undefined : problems.join("; ");
  }

  #host(program: EngineProgram, server: ScanServer): EngineHost {
    const name = `${program} ${serverName(server)}`;
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    if (this.#hosts.size >= MAX_HOSTS) this.#forgetOne();
    const host = { program, name, breaker: new Breaker(), places: new Places(this.#connections) };
    this.#hosts.set(name, host);
    return host;
  }

  /** The one that has been known longest and is not in use. */
  #forgetOne(): void {
    for (const [name, { places }] of this.#hosts) {
      if (places.taken > 0) continue;
      this.#hosts.delete(name);
      return;
    }
  }
}

/** That it does not want this message is an answer, too. */
async function probe(use: (message: ScannedMessage, signal: AbortSignal) => Promise<unknown>): Promise<void> {
  try {
    await use(probeMessage, AbortSignal.timeout(PROBE_TIMEOUT_MS));
  } catch (err) {
    if (!(err instanceof EngineError && err.isRefusal)) throw err;
  }
}
