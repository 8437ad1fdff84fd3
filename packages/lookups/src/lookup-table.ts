import { candidateKeys } from "./candidate-keys.ts";
import type { LookupOutcome, LookupRequest, LookupScope, Lookups } from "./lookup.ts";
import { LookupDefer } from "./lookup-defer.ts";
import type { LookupSettings } from "./lookup-settings.ts";
import type {
  FileLookupType,
  Finding,
  LookupType,
  PairDriver,
  PairLookupType,
  QueryDriver,
  QueryLookupType,
} from "./lookup-type.ts";
import { type FileHandle, OpenFiles } from "./open-files.ts";

const NOT_FOUND: LookupOutcome = { found: false };

type Answer = Finding | undefined;
type Maybe<T> = T | Promise<T>;

/** The lookups of a process: keeps files and connections open, within bounds, until `close`. */
export class LookupTable implements Lookups {
  readonly #settings: LookupSettings;
  readonly #files: OpenFiles;
  readonly #drivers = new Map<QueryLookupType, Maybe<QueryDriver>>();
  readonly #pairDrivers = new Map<PairLookupType, PairDriver>();
  readonly #now: () => number;
  readonly #closing = new AbortController();

  constructor(settings: LookupSettings) {
    this.#settings = settings;
    this.#files = new OpenFiles(settings);
    this.#now = settings.now ?? (() => performance.now());
  }

  find(request: LookupRequest, scope: LookupScope): Maybe<LookupOutcome> {
    const { type } = request.spec;
    const outcome = this.#ask(type, request, scope);
    return outcome instanceof Promise ? beforeAbort(outcome, type.name, scope.signal, this.#closing.signal) : outcome;
  }

  #ask(type: LookupType, request: LookupRequest, scope: LookupScope): Maybe<LookupOutcome> {
    if (type.style === "query") return this.#query(type, request, scope);
    const { file = "" } = request;
    return type.wants === "no file"
      ? this.#pair(type, file, request, scope)
      : this.#searchFile(type, file, request, scope);
  }

  #pair(type: PairLookupType, other: string, request: LookupRequest, scope: LookupScope): Maybe<LookupOutcome> {
    const { key, spec } = request;
    if (key === "") return NOT_FOUND;
    const driver = this.#pairDrivers.get(type) ?? type.start(this.#settings);
    this.#pairDrivers.set(type, driver);
    const answer = this.#cached(`${type.name} ${other}`, key, request, scope, () =>
      driver.find(key, other, { options: spec.options, scope }),
    );
    return map(answer, (finding) => outcomeOf(finding, request, undefined));
  }

  /** Ends all connections and closes all files; what still waits for an answer gets a `LookupDefer`. */
  async close(): Promise<void> {
    this.#closing.abort();
    const drivers = [...this.#drivers.values()];
    this.#drivers.clear();
    await Promise.all([this.#files.close(), ...drivers.map(async (driver) => (await driver).close?.())]);
  }

  #query(type: QueryLookupType, request: LookupRequest, scope: LookupScope): Maybe<LookupOutcome> {
    const { options } = request.spec;
    const query = request.key.replace(/^[ \t-\r]+/, "");
    if (query === "") return NOT_FOUND;
    const ask = (driver: QueryDriver): Maybe<Answer> =>
      driver.find(query, { options, scope, isTainted: request.isTainted === true });
    const answer = this.#cached(type.name, query, request, scope, () => {
      const driver = this.#driver(type);
      return driver instanceof Promise ? driver.then(ask) : ask(driver);
    });
    return map(answer, (finding) => outcomeOf(finding, { ...request, key: query }, undefined));
  }

  #driver(type: QueryLookupType): Maybe<QueryDriver> {
    const started = this.#drivers.get(type);
    if (started !== undefined) return started;
    if (this.#closing.signal.aborted) throw new LookupDefer(type.name, "lookups are being closed");
    const driver = type.start(this.#settings);
    this.#drivers.set(type, driver);
    if (driver instanceof Promise) {
      driver.then(
        (ready) => this.#drivers.get(type) === driver && this.#drivers.set(type, ready),
        () => this.#drivers.delete(type),
      );
    }
    return driver;
  }

  #searchFile(type: FileLookupType, path: string, request: LookupRequest, scope: LookupScope): Maybe<LookupOutcome> {
    const handleName = `${type.name} ${path}`;
    const seen = scope.cache.fileOf(handleName) as FileHandle | undefined;
    if (seen !== undefined && !seen.isClosed) return this.#searchOpened(handleName, seen, request, scope);
    return this.#files.open(type, path).then(async ({ handle, release }) => {
      scope.cache.setFile(handleName, handle);
      try {
        return await this.#searchOpened(handleName, handle, request, scope);
      } finally {
        release();
      }
    });
  }

  /** Tries the keys one after the other; waits only for an answer that is not there yet. */
  #searchOpened(
    handleName: string,
    handle: FileHandle,
    request: LookupRequest,
    scope: LookupScope,
  ): Maybe<LookupOutcome> {
    const { spec } = request;
    const keys = candidateKeys(request.key, spec);
    const release = handle.hold();
    const tryNext = (): Maybe<LookupOutcome> => {
      for (const { key, captures } of keys) {
        // An empty key, or what is left of `a.` without its first component, is in no file; the defaults may be.
        if (key === "") continue;
        const answer = this.#cached(handleName, key, request, scope, () =>
          handle.file.find(key, { options: spec.options, scope }),
        );
        if (answer instanceof Promise) {
          return answer.then((finding) =>
            finding?.data === undefined ? tryNext() : outcomeOf(finding, request, captures),
          );
        }
        if (answer?.data !== undefined) return outcomeOf(answer, request, captures);
      }
      return NOT_FOUND;
    };
    try {
      const outcome = tryNext();
      if (outcome instanceof Promise) return outcome.finally(release);
      release();
      return outcome;
    } catch (err) {
      release();
      throw err;
    }
  }

  #cached(
    handle: string,
    query: string,
    { spec: { options }, isTainted }: LookupRequest,
    { cache }: LookupScope,
    ask: () => Maybe<Answer>,
  ): Maybe<Answer> {
    const key = `${options.text}\0${isTainted === true ? "!" : ""}${query}`;
    if (options.cache !== "no" && options.cache !== "no_rd") {
      const kept = cache.get(handle, key, this.#now());
      if (kept !== undefined) return kept.finding;
    }
    return map(ask(), (finding) => {
      if (finding?.isWrite === true) cache.forget(handle);
      else if (options.cache !== "no" && options.cache !== "no_wr") cache.set(handle, key, finding, this.#now());
      return finding;
    });
  }
}

function outcomeOf(
  finding: Answer,
  { spec, key }: LookupRequest,
  captures: readonly string[] | undefined,
): LookupOutcome {
  const dnssec = finding?.dnssec === undefined ? {} : { dnssec: finding.dnssec };
  if (finding?.data === undefined) return finding?.dnssec === undefined ? NOT_FOUND : { found: false, ...dnssec };
  const data = spec.options.ret === "key" ? key : finding.data;
  return {
    found: true,
    data,
    ...(captures === undefined ? {} : { captures }),
    ...dnssec,
  };
}

/** Without a promise where there is none. */
function map<T, R>(value: Maybe<T>, change: (value: T) => R): Maybe<R> {
  return value instanceof Promise ? value.then(change) : change(value);
}

/** Ends the waiting, not the work: an answer that comes too late is nobody's. */
function beforeAbort<T>(
  outcome: Promise<T>,
  type: string,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<T> {
  const present = signals.filter((signal) => signal !== undefined);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      done();
      reject(new LookupDefer(type, "the time for this lookup is over"));
    };
    const done = (): void => {
      for (const signal of present) signal.removeEventListener("abort", abort);
    };
    outcome.then(
      (value) => {
        done();
        resolve(value);
      },
      (err: unknown) => {
        done();
        reject(err);
      },
    );
    for (const signal of present) {
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    }
  });
}
