import type { Program } from "./start-program.ts";
import { killGroup } from "./start-program.ts";

/** Words of Exim. */
const TOO_MUCH = "\n\n*** Too much output - remainder discarded ***\n";

/** What a program writes, on its standard output and its standard error alike. */
export class ProgramOutput {
  readonly #program: Program;
  readonly #parts: Buffer[] = [];
  readonly #over = Promise.withResolvers<void>();
  #room: number;
  #open: number;

  /** @param max Octets; a program that writes more is killed. */
  constructor(program: Program, max: number) {
    this.#program = program;
    this.#room = max;
    this.#open = program.outputs.length;
    for (const stream of program.outputs) {
      stream.on("data", (octets: Buffer) => this.#take(octets));
      stream.once("close", () => {
        if (--this.#open === 0) this.#over.resolve();
      });
      // Whatever it was, there is no more to read.
      stream.on("error", () => stream.destroy());
    }
  }

  /** Resolves when nobody can write any more, or when the time is over. */
  async ended(waitMs: number): Promise<void> {
    const timer = setTimeout(() => this.#over.resolve(), waitMs);
    await this.#over.promise;
    clearTimeout(timer);
  }

  octets(): Buffer {
    return Buffer.concat(this.#parts);
  }

  close(): void {
    for (const stream of this.#program.outputs) stream.destroy();
  }

  #take(octets: Buffer): void {
    if (this.#room < 0) return;
    this.#parts.push(octets.length > this.#room ? octets.subarray(0, this.#room) : octets);
    this.#room -= octets.length;
    if (this.#room >= 0) return;
    this.#parts.push(Buffer.from(TOO_MUCH, "latin1"));
    killGroup(this.#program);
    this.close();
  }
}
