import { DeferError } from "@postbus/mail";

/**
 * The string cannot be expanded: wrong syntax, a value that does not fit, a name that does not exist. The message is
 * Exim's wording, without the `Failed: ` of its tester, since configurations and their authors match on it.
 */
export class ExpansionFailure extends Error {
  override readonly name = "ExpansionFailure";
}

/**
 * The policy asked for a failure with the word `fail`. What it means is up to the option: "no such header", "decline",
 * "not in the list", "nothing to check".
 */
export class ForcedFailure extends Error {
  override readonly name = "ForcedFailure";

  /** @param item Whose "no" it was: `if`, `lookup`, `extract`. */
  constructor(item: string, message = `"${item}" failed and "fail" requested`) {
    super(message);
  }
}

/** The string cannot be expanded now: a lookup or a list item could not be decided. */
export class ExpansionDefer extends DeferError {
  override readonly name = "ExpansionDefer";
  /** Exim's wording, without the prefix that `message` has. */
  readonly reason: string;

  constructor(reason: string, options?: ErrorOptions) {
    super("expansion", reason, options);
    this.reason = reason;
  }
}

/** The text for people, as Exim's tester prints it after `Failed: `; undefined for an error of another kind (a bug). */
export function failureText(error: unknown): string | undefined {
  if (error instanceof ExpansionDefer) return error.reason;
  if (error instanceof ExpansionFailure || error instanceof ForcedFailure || error instanceof DeferError) {
    return error.message;
  }
  return undefined;
}
