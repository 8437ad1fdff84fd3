import type { Noted } from "@postbus/contracts";
import type { SessionDecisions } from "./decisions/session-decisions.ts";
import type { Surroundings } from "./surroundings.ts";

/** Lines of the log that are committed with a message; a recipient more or less is not worth a commit that is too large. */
const MAX_COMMITTED = 100;
/** Characters of one; policies repeat what clients say. */
const MAX_TEXT = 1_000;

/** Lines of the log about one message that comes. */
export class MessageNotes {
  readonly #messageId: string;
  readonly #decisions: SessionDecisions | undefined;
  readonly #surroundings: Pick<Surroundings, "rejections" | "log">;
  readonly #held: Noted[] = [];
  #count = 0;

  /** @param decisions Without them, a message that is not taken is nobody's. */
  constructor(
    messageId: string,
    decisions: SessionDecisions | undefined,
    surroundings: Pick<Surroundings, "rejections" | "log">,
  ) {
    this.#messageId = messageId;
    this.#decisions = decisions;
    this.#surroundings = surroundings;
  }

  /** Those that are to be committed with the message. */
  get held(): readonly Noted[] {
    return this.#held;
  }

  add(text: string): void {
    const messageId = this.#messageId;
    this.#count += 1;
    const id = `${messageId}/note/${this.#count}`;
    const said = { v: 1, id, atMs: Date.now(), service: "gateway", name: "msg:note", messageId } as const;
    this.#held.push({ ...said, text: text.slice(0, MAX_TEXT) });
    if (this.#held.length > MAX_COMMITTED) this.#tell(this.#held.splice(MAX_COMMITTED));
  }

  /** They were committed. */
  clear(): void {
    this.#held.length = 0;
  }

  /** Tells those that were not committed with the message. */
  tell(): void {
    this.#tell(this.#held);
  }

  #tell(notes: readonly Noted[]): void {
    const { rejections, log } = this.#surroundings;
    for (const note of notes) {
      if (this.#decisions !== undefined) rejections.add(note);
      else log.info({ messageId: note.messageId, text: note.text }, "policy");
    }
  }
}
