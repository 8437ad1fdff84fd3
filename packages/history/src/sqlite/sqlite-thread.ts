import { parentPort, workerData } from "node:worker_threads";
import type { MailEvent } from "@postbus/contracts";
import type { Answer, Call } from "./sqlite-call.ts";
import { SqliteStore } from "./sqlite-store.ts";

/** The thread that holds the file: one call after the other, in order. Opened by the first call, so that its failure is an answer. */
const { file } = workerData as { readonly file: string };
let store: SqliteStore | undefined;

parentPort?.on("message", ({ id, method, parameters }: Call) => {
  parentPort?.postMessage(answer(id, method, parameters));
});

function answer(id: number, method: Call["method"], parameters: Call["parameters"]): Answer {
  try {
    if (method === "close") {
      store?.close();
      store = undefined;
      return { id, value: undefined };
    }
    store ??= new SqliteStore(file);
    return { id, value: run(store, method, parameters) };
  } catch (err) {
    const { name, message } = err instanceof Error ? err : new Error(String(err));
    return { id, error: { name, message } };
  }
}

function run(opened: SqliteStore, method: Exclude<Call["method"], "close">, parameters: Call["parameters"]): unknown {
  const [first, second, third, fourth] = parameters as [never, never, never, never];
  switch (method) {
    case "openReader":
      return opened.openReader(first);
    case "append":
      // The events came as one string: copying it costs a fraction of copying the objects.
      return opened.append(first, second, JSON.parse(third) as MailEvent[], fourth);
    case "messages":
      return opened.messages(first);
    case "message":
      return opened.message(first);
    case "rejects":
      return opened.rejects(first, second);
    case "rates":
      return opened.rates(first);
    case "prune":
      return opened.prune(first, second);
    case "nextDmarcDomain":
      return opened.nextDmarcDomain(first, second);
    case "claimDmarcReport":
      return opened.claimDmarcReport(first);
    case "endDmarcReport":
      return opened.endDmarcReport(first);
    case "dmarcResults":
      return opened.dmarcResults(first, second, third);
    case "pruneDmarcResults":
      return opened.pruneDmarcResults(first);
    case "limitDmarcResults":
      return opened.limitDmarcResults(first);
    default:
      return unreachable(method);
  }
}

function unreachable(method: never): never {
  throw new Error(`unknown method: ${JSON.stringify(method)}`);
}
