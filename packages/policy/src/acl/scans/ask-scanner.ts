import type { ScanTask, ScanVerdict } from "@postbus/contracts";
import { ExpansionDefer } from "../../expansion/failures.ts";
import type { AclSession } from "../session.ts";

/** What an engine has said about a message. */
export interface ScanFindings<V extends ScanVerdict = ScanVerdict> {
  readonly verdict: V;
  /** Of whom it was told, in their order. */
  readonly recipients: readonly string[];
}

type VerdictOf<T extends ScanTask> = Extract<ScanVerdict, { readonly engine: T["engine"] }>;

/**
 * Asks an engine about the message, once for each different question; that it could not tell is forgotten.
 *
 * @param noted Told of the verdict, before anybody else, when it has come.
 * @throws {DeferError} no verdict, for now.
 */
export function askScanner<T extends ScanTask>(
  task: T,
  timeoutMs: number,
  session: AclSession,
  noted?: (findings: ScanFindings<VerdictOf<T>>) => void,
): Promise<ScanFindings<VerdictOf<T>>> {
  const { scan } = session.hooks;
  const { scans } = session.message;
  const key = JSON.stringify(task);
  let asked = scans.get(key) as Promise<ScanFindings<VerdictOf<T>>> | undefined;
  if (asked === undefined) {
    if (scan === undefined) throw new ExpansionDefer(`${task.engine}: no service is set up that could tell`);
    asked = scan(task, timeoutMs).then(({ verdict, recipients }) => {
      if (!isFrom(task, verdict)) throw new ExpansionDefer(`${task.engine}: an answer of ${verdict.engine}`);
      const findings = { verdict, recipients };
      noted?.(findings);
      return findings;
    });
    scans.set(key, asked);
    asked.catch(() => scans.delete(key));
  }
  return asked;
}

function isFrom<T extends ScanTask>(task: T, verdict: ScanVerdict): verdict is VerdictOf<T> {
  return verdict.engine === task.engine;
}
