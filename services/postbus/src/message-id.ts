import { messageIdPattern } from "@postbus/mail";
import { UsageError } from "./command.ts";

const MESSAGE_ID = new RegExp(messageIdPattern);

/**
 * The message that somebody means: its own id, or that of an item of it, which starts with the message's.
 *
 * @throws {UsageError}
 */
export function messageIdOf(id: string): string {
  checkId(id);
  return id.split("_")[0] ?? "";
}

/** Of a message, or of an item. @throws {UsageError} */
export function checkId(id: string): void {
  if (!MESSAGE_ID.test(id.split("_")[0] ?? "")) throw new UsageError(`${id} is not a message id`);
}
