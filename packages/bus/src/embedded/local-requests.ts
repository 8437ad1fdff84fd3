import type { Content } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Subscription } from "../bus.ts";
import type { Question, RequestOptions, RequestReply } from "../request-reply.ts";
import { Line } from "./line.ts";

/** Questions on one subject that wait for a service to have room. More would only time out while they wait. */
const MAX_WAITING = 10_000;

type QuestionHandler = (question: Question) => Promise<object>;

/** Questions and answers within the process: everything by reference, one timer a question. */
export class LocalRequests implements RequestReply {
  readonly #subjects = new Map<string, Subject>();
  readonly #listeners = new Map<string, Set<(body: unknown) => void>>();

  request(subject: string, body: object, options: RequestOptions): Promise<unknown> {
    const served = this.#subjects.get(subject);
    if (served === undefined) return Promise.reject(new DeferError("bus", `nobody serves ${subject}`));
    return served.ask(body, options);
  }

  async serve(
    name: string,
    { concurrency }: { readonly concurrency: number },
    handler: QuestionHandler,
  ): Promise<Subscription> {
    const subject = this.#subjects.get(name) ?? new Subject(name);
    this.#subjects.set(name, subject);
    const service = subject.add(concurrency, handler);
    return {
      drain: async () => {
        if (subject.remove(service) === 0 && this.#subjects.get(name) === subject) this.#subjects.delete(name);
        await service.idle();
      },
    };
  }

  broadcast(subject: string, body: object): void {
    for (const listener of this.#listeners.get(subject) ?? []) queueMicrotask(() => listener(body));
  }

  async listen(subject: string, handler: (body: unknown) => void): Promise<Subscription> {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners);
    // Each subscription is a listener of its own, also if two have the same function.
    const listener = (body: unknown): void => handler(body);
    listeners.add(listener);
    return {
      drain: async () => {
        listeners.delete(listener);
      },
    };
  }

  close(): void {
    for (const subject of this.#subjects.values()) subject.close();
    this.#subjects.clear();
    this.#listeners.clear();
  }
}

/** What is asked under one name, and who answers. */
class Subject {
  readonly #name: string;
  readonly #services: Service[] = [];
  readonly #waiting = new Line<Asked>();

  constructor(name: string) {
    this.#name = name;
  }

  add(concurrency: number, handler: QuestionHandler): Service {
    const service = new Service(concurrency, handler);
    this.#services.push(service);
    this.#pump();
    return service;
  }

  /** @returns How many are left. */
  remove(service: Service): number {
    const at = this.#services.indexOf(service);
    if (at >= 0) this.#services.splice(at, 1);
    if (this.#services.length === 0) this.close();
    return this.#services.length;
  }

  ask(body: unknown, options: RequestOptions): Promise<unknown> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new DeferError("bus", `${this.#name}: ${MAX_WAITING} questions are waiting`));
    }
    const asked = new Asked(this.#name, body, options);
    this.#waiting.push(asked);
    this.#pump();
    return asked.answer;
  }

  close(): void {
    for (let asked = this.#waiting.shift(); asked !== undefined; asked = this.#waiting.shift()) {
      asked.reject(`nobody serves ${this.#name}`);
    }
  }

  #pump(): void {
    for (;;) {
      const service = this.#services.find((one) => one.running < one.concurrency);
      if (service === undefined) return;
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      if (!asked.isSettled) void this.#work(service, asked);
    }
  }

  async #work(service: Service, asked: Asked): Promise<void> {
    service.running++;
    try {
      asked.resolve(await service.handler(asked));
    } catch (err) {
      asked.reject(`${this.#name}: ${err instanceof Error ? err.message : String(err)}`, err);
    }
    service.leave();
    this.#pump();
  }
}

class Service {
  readonly concurrency: number;
  readonly handler: QuestionHandler;
  running = 0;
  #whenIdle: (() => void)[] = [];

  constructor(concurrency: number, handler: QuestionHandler) {
    this.concurrency = concurrency;
    this.handler = handler;
  }

  leave(): void {
    this.running--;
    if (this.running === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  async idle(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}

/** A question from its asking to its answer or its deadline, whichever comes first. */
class Asked implements Question {
  readonly body: unknown;
  readonly content: Content | undefined;
  readonly answer: Promise<unknown>;
  isSettled = false;
  #abort: AbortController | undefined;
  /** Nobody waits. */
  #isLeft = false;
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (err: Error) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #asker: AbortSignal | undefined;
  readonly #onLeave: (() => void) | undefined;

  constructor(subject: string, body: unknown, { timeoutMs, content, signal }: RequestOptions) {
    this.body = body;
    this.content = content;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#leave(`${subject}: no answer in ${timeoutMs} ms`), timeoutMs);
    this.#asker = signal;
    if (signal === undefined) return;
    this.#onLeave = () => this.#leave(`${subject}: the answer is not wanted any more`);
    signal.addEventListener("abort", this.#onLeave, { once: true });
    if (signal.aborted) this.#onLeave();
  }

  #leave(reason: string): void {
    this.#isLeft = true;
    this.#abort?.abort();
    this.reject(reason);
  }

  /** Made when somebody looks: most services do not. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isLeft) this.#abort.abort();
    return this.#abort.signal;
  }

  resolve(answer: unknown): void {
    if (this.#settle()) this.#resolve(answer);
  }

  reject(text: string, cause?: unknown): void {
    if (this.#settle()) this.#reject(new DeferError("bus", text, { cause }));
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.#timer);
    if (this.#onLeave !== undefined) this.#asker?.removeEventListener("abort", this.#onLeave);
    return true;
  }
}
