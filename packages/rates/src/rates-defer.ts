import { DeferError } from "@postbus/mail";

/** The store of the counters cannot be asked: nobody is let in or kept out by a counter that is not known. */
export class RatesDefer extends DeferError {
  override readonly name = "RatesDefer";

  constructor(reason: string, options?: ErrorOptions) {
    super("rates", reason, options);
  }
}
