import { constants } from "node:os";
import { LocalError } from "../local/local-error.ts";

/** Exim's number for a filter that has come to a bad end. */
const FILTER_FAILED = -24;

/** The program that a message goes through has not let it through: nothing is known against whoever the message is for. */
export class FilterError extends LocalError {
  readonly isTimeout: boolean;

  private constructor(errno: number, text: string, isTimeout: boolean, options?: ErrorOptions) {
    super(errno, text, options);
    this.isTimeout = isTimeout;
  }

  /** @param status Its exit code; negative: the signal that has ended it. */
  static ended(status: number): FilterError {
    return new FilterError(FILTER_FAILED, `transport filter process failed (${status})`, false);
  }

  /** In the words of Exim, whose child says it by this code. */
  static notStarted(cause: unknown): FilterError {
    const text = "transport filter process failed (127): unable to execute command";
    return new FilterError(FILTER_FAILED, text, false, { cause });
  }

  static timedOut(): FilterError {
    return new FilterError(constants.errno.ETIMEDOUT, "transport filter timeout", true);
  }
}
