import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type PostbusProcess, startPostbus } from "@postbus/testkit";
import { type Scope, temporaryDirectory } from "../support/fixture.ts";

export interface RunningProgram {
  /** Of SMTP. */
  readonly port: number;
  /** Where the frame's transport delivers to. */
  readonly maildir: string;
  readonly mainlog: string;
}

/**
 * The whole program under an example, until the end of the scope. The frame's mailboxes become Maildirs, and it listens on
 * a port that is free.
 */
export async function runningProgram(
  scope: Scope,
  config: string,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProgram> {
  let running: PostbusProcess | undefined;
  scope.after(async () => running?.stop());
  const data = await temporaryDirectory(scope, "example");
  const file = join(data, "example.conf");
  const own = "daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n";
  const maildirs = `maildir_format\n  directory = ${data}/mail`;
  await writeFile(file, own + config.replace("file = ./mail/$local_part_data", maildirs), "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", file], env });
  running = postbus;
  return { port: postbus.port("smtp"), maildir: join(data, "mail"), mainlog: join(data, "log", "mainlog") };
}

/**
 * The reply to each command of a client that waits for it, the greeting first; of several lines, the last.
 *
 * @param early Sent before the greeting.
 */
export async function speak(port: number, commands: readonly string[], early = ""): Promise<readonly string[]> {
  const socket = connect(port, "127.0.0.1");
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const replies: string[] = [];
  socket.setTimeout(60_000, () => socket.destroy(new Error(`no answer behind ${replies.at(-1)}`)));
  if (early !== "") socket.write(early, "latin1");
  try {
    for (const command of ["", ...commands]) {
      if (command !== "") socket.write(`${command}\r\n`, "latin1");
      let line = "";
      while (line.charAt(3) !== " ") line = (await lines.next()).value ?? "221 closed";
      replies.push(line);
    }
    return replies;
  } finally {
    socket.destroy();
  }
}
