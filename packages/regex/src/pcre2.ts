import { RegexError } from "./regex-error.ts";
import { RegexLimitError } from "./regex-limit-error.ts";

/** What `pcre2/engine.c` exports. Numbers named `…At` are addresses in `memory`. */
interface EngineExports {
  readonly memory: WebAssembly.Memory;
  allow(steps: number): void;
  left(): number;
  allocate(octets: number): number;
  release(blockAt: number): void;
  compile(patternAt: number, octets: number, options: number): number;
  error_code(): number;
  error_offset(): number;
  error_text(code: number, textAt: number, octets: number): number;
  group_count(code: number): number;
  code_size(code: number): number;
  /** 1 + the highest group that is set, or a negative error of `pcre2.h`. */
  match(
    code: number,
    groups: number,
    subjectAt: number,
    octets: number,
    from: number,
    options: number,
    heapLimitKib: number,
  ): number;
  /** The address of the offsets of the last match. */
  offsets(): number;
}

/** A pattern that one engine has compiled. */
export interface Code {
  readonly at: number;
  readonly groupCount: number;
}

/** Bits of `pcre2.h`. */
export const PCRE2_CASELESS = 0x8;
export const PCRE2_NOTEMPTY = 0x4;
export const PCRE2_ANCHORED = 0x8000_0000;

/** `pcre2.h`: match, depth and heap limit, out of memory. A pattern can set lower limits, `(*LIMIT_MATCH=…)`. */
const NO_MEMORY = -48;
const LIMITS = new Set([-47, NO_MEMORY, -53, -63]);
/** An offset of a group that took no part. */
const UNSET = 0xffff_ffff;

/** A step is an edge of PCRE2's control flow and takes 4 to 10 ns; a search spends some 10 steps on a character. */
const MAX_STEPS = 2_500_000;
const MAX_PATTERN_OCTETS = 65_536;
const MAX_SUBJECT_OCTETS = 4 * 1024 * 1024;
/** For backtracking: some 65,000 iterations of `(?:a|b)*`. */
const HEAP_LIMIT_KIB = 8 * 1024;
/** Codes are never released one by one: all of them go with the engine. Usual patterns take 200 octets. */
const MAX_CODE_OCTETS = 8 * 1024 * 1024;

/** One instance of PCRE2 with all that it has compiled. When it `isSpent`, nobody may use it again. */
export class Pcre2 {
  readonly #engine: EngineExports;
  /** The engine's memory, anew whenever it has grown. */
  #octets: Buffer = Buffer.alloc(0);
  #words: Uint32Array = new Uint32Array(0);
  #codeOctets = 0;
  /** The subject that lies in memory, so that many matches in a long one copy it once. */
  #subject = "";
  #subjectAt = 0;
  #subjectCapacity = 0;
  #offsetsAt = 0;
  #isSpent = false;
  /** What the last match was allowed. */
  #allowed = 0;

  constructor(module: WebAssembly.Module) {
    this.#engine = new WebAssembly.Instance(module, {}).exports as unknown as EngineExports;
  }

  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** What the last match has left of its steps. */
  get stepsLeft(): number {
    return this.#engine.left();
  }

  /** What the last match has taken. */
  get stepsTaken(): number {
    return Math.max(0, this.#allowed - this.#engine.left());
  }

  /** @throws {RegexError} @throws {RegexLimitError} */
  compile(pattern: string, options: number): Code {
    const { length } = pattern;
    if (length > MAX_PATTERN_OCTETS) {
      throw new RegexLimitError(`a pattern of ${length} octets, the limit is ${MAX_PATTERN_OCTETS}`);
    }
    const engine = this.#engine;
    const patternAt = this.#allocate(length);
    this.#view().write(pattern, patternAt, "latin1");
    let at: number;
    try {
      engine.allow(MAX_STEPS);
      at = engine.compile(patternAt, length, options);
    } catch (err) {
      throw this.#trapped(err);
    }
    engine.allow(MAX_STEPS);
    engine.release(patternAt);
    if (at === 0) throw new RegexError(pattern, this.#errorText(engine.error_code()), engine.error_offset());
    this.#codeOctets += engine.code_size(at);
    if (this.#codeOctets > MAX_CODE_OCTETS) this.#isSpent = true;
    return { at, groupCount: engine.group_count(at) };
  }

  /**
   * Whether it matches at or behind `from`; then `offset` tells where, until the next call.
   *
   * @throws {RegexLimitError}
   */
  match(code: Code, subject: string, from: number, options: number, steps = MAX_STEPS): boolean {
    const { length } = subject;
    if (length > MAX_SUBJECT_OCTETS) {
      throw new RegexLimitError(`a subject of ${length} octets, the limit is ${MAX_SUBJECT_OCTETS}`);
    }
    this.#place(subject);
    const engine = this.#engine;
    let result: number;
    try {
      this.#allowed = steps;
      engine.allow(steps);
      result = engine.match(code.at, code.groupCount, this.#subjectAt, length, from, options, HEAP_LIMIT_KIB);
    } catch (err) {
      throw this.#trapped(err);
    }
    if (LIMITS.has(result)) {
      if (result === NO_MEMORY) this.#isSpent = true;
      throw new RegexLimitError(this.#errorText(result));
    }
    // Other errors, such as a subject that is no UTF-8 where the pattern says (*UTF), are no match in Exim either.
    if (result < 0) return false;
    this.#view();
    this.#offsetsAt = engine.offsets() / 4;
    return true;
  }

  /** Offset `2 n` is the start of group n in the subject, `2 n + 1` its end; both are `undefined` if it took no part. */
  offset(index: number): number | undefined {
    const offset = this.#words[this.#offsetsAt + index];
    return offset === UNSET ? undefined : offset;
  }

  /** No steps left, or the stack ran over: the engine stands in the middle of something. */
  #trapped(cause: unknown): RegexLimitError {
    this.#isSpent = true;
    return new RegexLimitError(`gave up after ${MAX_STEPS} steps`, { cause });
  }

  #place(subject: string): void {
    if (subject.length > this.#subjectCapacity) {
      this.#engine.release(this.#subjectAt);
      this.#subjectAt = 0;
      const capacity = Math.max(4096, Math.min(2 * subject.length, MAX_SUBJECT_OCTETS));
      this.#subjectAt = this.#allocate(capacity);
      this.#subjectCapacity = capacity;
    } else if (subject === this.#subject) return;
    this.#view().write(subject, this.#subjectAt, "latin1");
    this.#subject = subject;
  }

  #allocate(octets: number): number {
    const at = this.#engine.allocate(octets);
    if (at !== 0) return at;
    this.#isSpent = true;
    throw new RegexLimitError("no memory left");
  }

  #view(): Buffer {
    if (this.#octets.length === 0) {
      this.#octets = Buffer.from(this.#engine.memory.buffer);
      this.#words = new Uint32Array(this.#engine.memory.buffer);
    }
    return this.#octets;
  }

  #errorText(code: number): string {
    const room = 256;
    this.#engine.allow(MAX_STEPS);
    const at = this.#allocate(room);
    const length = this.#engine.error_text(code, at, room);
    const text = this.#view().toString("latin1", at, at + Math.max(length, 0));
    this.#engine.release(at);
    return text;
  }
}
