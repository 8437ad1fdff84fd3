import { DeferError } from "@postbus/mail";

/** So much is asked about one sender that this question finds no place: nothing was looked at. */
export class BusyError extends DeferError {
  override readonly name = "BusyError";

  constructor() {
    super("verifier", "too many questions about one sender at one time");
  }
}
