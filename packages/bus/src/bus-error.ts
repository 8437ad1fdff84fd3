import { DeferError } from "@postbus/mail";

/** The bus cannot be reached or does not answer in time. Nothing is lost: the client keeps the message (451). */
export class BusUnavailableError extends DeferError {
  override readonly name = "BusUnavailableError";

  constructor(message: string, options?: ErrorOptions) {
    super("bus", message, options);
  }
}

/** The bus has no room left: disk, map size, `max_bytes` (452 4.3.1). */
export class BusFullError extends DeferError {
  override readonly name = "BusFullError";

  constructor(message: string, options?: ErrorOptions) {
    super("bus", message, options);
  }
}
