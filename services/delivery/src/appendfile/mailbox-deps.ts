import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Spool } from "@postbus/spool";
import { DirectorySync } from "../maildir/directory-sync.ts";
import { Turns } from "./turns.ts";

/** What deliveries into mailboxes share in one process. */
export interface MailboxDeps {
  readonly spool: Pick<Spool, "read">;
  readonly syncs: DirectorySync;
  /** Maildirs whose directories are there. */
  readonly known: Set<string>;
  /** Who may write to a file next. */
  readonly turns: Turns;
  /** Names this process, for whoever finds a lock file that it has left. */
  readonly process: ProcessName;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A process, told from one of the same number after a restart. */
export interface ProcessName {
  readonly host: string;
  readonly pid: number;
  readonly instance: string;
}

export function mailboxDeps(spool: Pick<Spool, "read">, now: () => number = Date.now): MailboxDeps {
  const name = { host: hostname(), pid: process.pid, instance: randomUUID() };
  return { spool, syncs: new DirectorySync(), known: new Set(), turns: new Turns(), process: name, now };
}
