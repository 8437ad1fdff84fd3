import { DeferError } from "@postbus/mail";

/** Nothing was looked at, since this client or domain asks too much: whoever needs to know puts the message off. */
export class BusyError extends DeferError {
  override readonly name = "BusyError";
}
