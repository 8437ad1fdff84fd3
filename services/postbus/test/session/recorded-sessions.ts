import { readFileSync } from "node:fs";

/** A session that was had with a real Exim (`-bh`). */
interface RecordedSession {
  readonly name: string;
  /** What the client sends, line by line. */
  readonly client: readonly string[];
  /** What was answered, as far as it is compared. */
  readonly replies: readonly string[];
}

/** A table of sessions: a configuration, then, behind each `=== name`, the client's lines, and the replies behind `--- replies`. */
export function recordedSessions(file: string): {
  readonly config: string;
  readonly sessions: readonly RecordedSession[];
} {
  const [config = "", ...blocks] = readFileSync(file, "latin1").split(/^=== /m);
  const sessions = blocks.map((block) => {
    const [head = "", replies = ""] = block.split("--- replies\n");
    const [name = "", ...client] = head.split("\n").slice(0, -1);
    return { name, client, replies: replies.split("\n").filter((line) => line !== "") };
  });
  return { config, sessions };
}
