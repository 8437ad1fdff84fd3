import type { ScanTask, ScanVerdict } from "@postbus/contracts";
import type { EngineHosts } from "../hosts/engine-hosts.ts";
import type { ScannedMessage } from "../message/scanned-message.ts";

type Named<T, Name> = Extract<T, { readonly engine: Name }>;

/** Kinds of questions. */
export type EngineName = ScanTask["engine"];

/** An answer. */
export interface Scanned<Verdict> {
  readonly verdict: Verdict;
  /** It would be another one later, of the same content: it counts for this message alone. */
  readonly isForNow: boolean;
}

/** What answers one kind of questions about messages, with the help of programs outside. */
export interface Engine<Name extends EngineName = EngineName> {
  /**
   * Of what an answer is kept. `message`: the same question about the same message (its id) is answered with it;
   * it has come twice. `content`: also that of a message that is the same and comes again soon, which the engine would
   * answer in the same way.
   */
  readonly keeps: "message" | "content";
  /**
   * @param signal For everything: nobody waits for an answer that comes later.
   * @throws {DeferError} no verdict, for now. What reading the message throws.
   */
  scan(
    task: Named<ScanTask, Name>,
    message: ScannedMessage,
    hosts: EngineHosts,
    signal: AbortSignal,
  ): Promise<Scanned<Named<ScanVerdict, Name>>>;
}
