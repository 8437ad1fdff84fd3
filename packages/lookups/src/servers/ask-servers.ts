import { LookupDefer } from "../lookup-defer.ts";
import { ServerTrouble } from "./server-trouble.ts";

/**
 * Asks one server after the other until one has an answer.
 *
 * @param ask Throws `ServerTrouble` if the next one is to be asked; anything else ends it.
 * @throws {LookupDefer} none could be asked; its text is that of the last one.
 */
export async function askServers<S, R>(type: string, servers: Iterable<S>, ask: (server: S) => Promise<R>): Promise<R> {
  let trouble: ServerTrouble | undefined;
  for (const server of servers) {
    try {
      return await ask(server);
    } catch (err) {
      if (!(err instanceof ServerTrouble)) throw err;
      trouble = err;
    }
  }
  throw new LookupDefer(type, trouble?.message ?? "no server to ask", { cause: trouble });
}
