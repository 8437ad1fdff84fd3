import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PostbusProcess, startPostbus } from "@postbus/testkit";

/** What ends what was begun: `{ after }` of node:test for a whole file, the context of a test for that test. */
export interface Scope {
  after(end: () => Promise<unknown>): void;
}

/** An empty directory, removed at the end of the scope. */
export async function temporaryDirectory(scope: Scope, name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `postbus-${name}-`));
  // What runs in it may be stopped after this only: hooks are called in their order. It may write while we remove.
  scope.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return directory;
}

export interface Running {
  readonly postbus: PostbusProcess;
  readonly data: string;
  /** Where the example policy keeps a mailbox. */
  mailbox(localPart: string, domain?: string): string;
}

/** The real program, everything in one process, on free ports, stopped at the end of the scope. */
export async function runningPostbus(scope: Scope, ...args: string[]): Promise<Running> {
  let running: PostbusProcess | undefined;
  scope.after(async () => running?.stop());
  const data = await temporaryDirectory(scope, "data");
  const postbus = await startPostbus({ args: ["--data", data, "-DSMTP_PORT=0", ...args] });
  running = postbus;
  return {
    postbus,
    data,
    mailbox: (localPart, domain = "example.test") => join(data, "mail", domain, localPart),
  };
}
