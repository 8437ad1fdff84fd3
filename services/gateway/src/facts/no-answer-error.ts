import { DeferError } from "@postbus/mail";

/**
 * Nobody has said anything about the message: the verifier is away, late, or has too many questions about this client or domain
 * already. Whoever needs to know puts the message off; that it is not known is no fact about it.
 */
export class NoAnswerError extends DeferError {
  override readonly name = "NoAnswerError";
}
