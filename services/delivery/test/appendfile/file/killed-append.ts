/** Appends to a mailbox, and is killed in the middle of it. Run by a test, with the mailbox's directory as argument. */
import { Mailboxes } from "../mailboxes.ts";

const [, , root = ""] = process.argv;
const boxes = new Mailboxes();
// It delivers to the directory of whoever runs it; of its own nothing may be left.
boxes[Symbol.dispose]();
async function* torn(): AsyncGenerator<Buffer> {
  yield Buffer.from(`Subject: torn\r\n\r\n${"x".repeat(70_000)}\r\n`);
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => setTimeout(() => undefined, 60_000));
}
boxes.deps = { ...boxes.deps, spool: { read: torn } };
const content = { kind: "spooled", id: "x", size: 200_000, sha256: "0".repeat(64) } as const;
await boxes.deliver({ options: ` file = ${root}/u1`, content });
