import { DeferError } from "@postbus/mail";

/** The database cannot be reached, is busy for too long, or has no room. Nothing of the call was stored, or all of it. */
export class HistoryUnavailableError extends DeferError {
  override readonly name = "HistoryUnavailableError";

  constructor(message: string, options?: ErrorOptions) {
    super("history", message, options);
  }
}

/** Another process took over under this reader's name: this one must stop, or its log would be written twice. */
export class ReaderReplacedError extends Error {
  override readonly name = "ReaderReplacedError";
}
