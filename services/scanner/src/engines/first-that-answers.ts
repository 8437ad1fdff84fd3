import { DeferError } from "@postbus/mail";

/**
 * Asks one after the other until one answers.
 *
 * @throws {DeferError} why the last one did not.
 */
export async function firstThatAnswers<S, A>(
  servers: readonly S[],
  signal: AbortSignal,
  ask: (server: S) => Promise<A>,
): Promise<A> {
  let last: DeferError | undefined;
  for (const server of servers) {
    try {
      return await ask(server);
    } catch (err) {
      if (!(err instanceof DeferError)) throw err;
      last = err;
      if (signal.aborted) break;
    }
  }
  throw last ?? new DeferError("scanner", "there is nobody to ask");
}
