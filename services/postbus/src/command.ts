/** One call of the program: `postbus <name> …`. Commands are loaded when they are called, so that each starts fast. */
export interface Command {
  /** Behind `postbus <name>` in the usage line. */
  readonly synopsis: string;
  /** One line for `postbus help`. */
  readonly summary: string;
  /** @returns the function that does it: words behind the command's name in, exit code out. */
  load(): Promise<(args: readonly string[]) => Promise<number>>;
}

/** The words on the command line make no sense; the text says what does not. Exit code 64 (sysexits.h EX_USAGE). */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Somebody else said no, in words for the user (no such message, in work at this moment). Exit code 69 (EX_UNAVAILABLE). */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}
