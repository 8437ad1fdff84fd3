import { isUtf8 } from "node:buffer";
import { type FileHandle, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Recipient } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { AppendfileTransport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Spool } from "@postbus/spool";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { messageAsSent } from "../message/message-as-sent.ts";
import { type OutgoingContent, outgoingContent, outgoingPieces, outgoingStream } from "../message/outgoing-content.ts";
import { systemError } from "../system-error.ts";
import { DirectorySync } from "./directory-sync.ts";
import { MailboxEncoder } from "./mailbox-content.ts";
import { maildirName } from "./maildir-name.ts";

/** Exim's `directory_mode` and `mode`. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Mailboxes known to be there; beyond it, the oldest are made sure of again. */
const MAX_KNOWN = 10_000;
/** Recipients of one item that are written at one time: enough to share the waits for the disk. */
const AT_ONE_TIME = 8;
/** Exim's number for an error of its own making. */
const NO_ERRNO = -1;

const { ENOENT, ENOSPC, EDQUOT } = constants.errno;

export interface MaildirDeps {
  readonly spool: Pick<Spool, "read">;
  readonly syncs: DirectorySync;
  /** Maildirs whose directories are there. */
  readonly known: Set<string>;
  readonly now: () => number;
}

export function maildirDeps(spool: Pick<Spool, "read">, now: () => number = Date.now): MaildirDeps {
  return { spool, syncs: new DirectorySync(), known: new Set(), now };
}

/**
 * Puts a message into the Maildir of each recipient.
 *
 * A second run of the same item (after a crash) writes the same names: what the first run finished is found, in `new`
 * or, when a reader has seen it, in `cur`, and not written again.
 */
export async function deliverToMaildir(
  attempt: Attempt,
  transport: AppendfileTransport,
  hostName: string,
  deps: MaildirDeps,
): Promise<AttemptReport> {
  const results: AttemptResult[] = [];
  const all = attempt.item.recipients.map((_, index) => new MaildirDelivery(attempt, index, transport, hostName, deps));
  while (results.length < all.length) {
    const some = all.slice(results.length, results.length + AT_ONE_TIME);
    // Waits for all of them, so that nothing goes on behind the back of whoever handles the error.
    for (const settled of await Promise.allSettled(some.map((delivery) => delivery.run()))) {
      if (settled.status === "rejected") throw settled.reason;
      results.push(settled.value);
    }
  }
  return { results, notes: [] };
}

/** A policy's paths are octets, Node's are text that it writes as UTF-8; octets that are no UTF-8 are left to it one by one. */
function pathText(octets: string): string {
  const path = Buffer.from(octets, "latin1");
  return isUtf8(path) ? path.toString("utf8") : octets;
}

/** What was being tried when the operating system refused, in Exim's words. */
type Doing = (text: string) => string;

class MaildirDelivery {
  readonly #attempt: Attempt;
  readonly #recipient: Recipient;
  readonly #transport: AppendfileTransport;
  readonly #deps: MaildirDeps;
  readonly #name: string;
  #doing: Doing = (text) => text;

  constructor(attempt: Attempt, index: number, transport: AppendfileTransport, hostName: string, deps: MaildirDeps) {
    this.#attempt = attempt;
    this.#recipient = attempt.item.recipients[index] ?? { address: "" };
    this.#transport = transport;
    this.#deps = deps;
    this.#name = maildirName(attempt.work.id, index, attempt.item.queuedAtMs, hostName);
  }

  async run(): Promise<AttemptResult> {
    try {
      const directory = resolve(pathText(await this.#transport.directory(this.#recipient.address)));
      const wasKnown = this.#deps.known.has(directory);
      try {
        await this.#runIn(directory);
      } catch (err) {
        // Somebody has removed the mailbox since we made sure of it.
        if (!wasKnown || systemError(err)?.errno !== ENOENT) throw err;
        this.#deps.known.delete(directory);
        await this.#runIn(directory);
      }
      return { outcome: "delivered" };
    } catch (err) {
      return this.#deferred(err);
    }
  }

  async #runIn(directory: string): Promise<void> {
    await this.#makeDirectories(directory);
    if (this.#attempt.work.handedOut > 1 && (await this.#isThere(directory))) return;
    await this.#deliver(directory);
  }

  async #makeDirectories(directory: string): Promise<void> {
    const { known } = this.#deps;
    if (known.has(directory)) return;
    this.#doing = (text) => `failed to create directories for ${directory}: ${text}`;
    const made: (string | undefined)[] = [];
    for (const part of ["tmp", "new", "cur"]) {
      made.push(await mkdir(join(directory, part), { recursive: true, mode: DIRECTORY_MODE }));
    }
    const [topmost] = made.filter((path) => path !== undefined);
    // The entries of new directories must be there after a power loss, or the message is nowhere.
    if (topmost !== undefined) await this.#syncUpTo(dirname(topmost), directory);
    known.add(directory);
    for (const oldest of known) {
      if (known.size <= MAX_KNOWN) break;
      known.delete(oldest);
    }
  }

  async #syncUpTo(topmost: string, directory: string): Promise<void> {
    for (let path = directory; ; path = dirname(path)) {
      await this.#deps.syncs.sync(path);
      if (path === topmost || path === dirname(path)) return;
    }
  }

  /** Whether an earlier run got so far. Readers append flags to the name. */
  async #isThere(directory: string): Promise<boolean> {
    for (const part of ["new", "cur"]) {
      this.#doing = () => `failed to read ${join(directory, part)}`;
      const names = await readdir(join(directory, part));
      if (names.some((name) => name.startsWith(`${this.#name},S=`))) return true;
    }
    return false;
  }

  async #deliver(directory: string): Promise<void> {
    // Not the final name: a process that was paused in the middle may still write to a file of its own.
    const temporary = join(directory, "tmp", `${this.#name}.P${process.pid}H${this.#attempt.work.handedOut}`);
    try {
      const size = await this.#write(temporary);
      if (!this.#attempt.work.isHeld()) throw new LeaseLostError("the item was not held when its file was complete");
      const final = join(directory, "new", `${this.#name},S=${size}`);
      this.#doing = () => `failed to rename "${temporary}" as "${final}"`;
      await rename(temporary, final);
    } catch (err) {
      await removeIfThere(temporary);
      throw err;
    }
    await this.#deps.syncs.sync(join(directory, "new"));
  }

  /** @returns Octets written, which are on stable storage. */
  async #write(path: string): Promise<number> {
    const content = await this.#content();
    this.#doing = () => `failed to open ${path} (1 try)`;
    await using file = await open(path, "w", FILE_MODE);
    this.#doing = () => `error while writing to ${path}`;
    const size = await this.#writeContent(file, content);
    await file.datasync();
    return size;
  }

  async #content(): Promise<OutgoingContent> {
    const { item, content } = this.#attempt;
    const options = this.#transport.message?.(this.#recipient.address);
    const recipients = [this.#recipient];
    const known = options instanceof Promise ? await options : options;
    return outgoingContent(content, messageAsSent(item, known, recipients, this.#deps.now()).changes, this.#deps.spool);
  }

  async #writeContent(file: FileHandle, content: OutgoingContent): Promise<number> {
    const pieces = outgoingPieces(content);
    if (pieces !== undefined) return writeAll(file, mailboxLines(pieces));
    const encoder = new MailboxEncoder();
    let size = 0;
    for await (const piece of outgoingStream(content, this.#deps.spool)) {
      size += await writeAll(file, [encoder.encode(piece)]);
    }
    return size + (await writeAll(file, [encoder.end()]));
  }

  #deferred(err: unknown): AttemptResult {
    if (err instanceof DeferError) return { outcome: "deferred", errno: NO_ERRNO, text: err.message };
    const found = systemError(err);
    if (found === undefined) throw err;
    const isFull = found.errno === ENOSPC || found.errno === EDQUOT;
    const text = isFull ? "mailbox is full" : this.#doing(found.text);
    return { outcome: "deferred", errno: found.errno, text };
  }
}

/** Each piece but the last ends in a line end, or is all there is. */
function mailboxLines(pieces: readonly Buffer[]): Buffer[] {
  return pieces.flatMap((piece) => {
    const encoder = new MailboxEncoder();
    return [encoder.encode(piece), encoder.end()];
  });
}

/** `write` may take less than it was given. */
async function writeAll(file: FileHandle, parts: readonly Buffer[]): Promise<number> {
  const octets = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  for (let at = 0; at < octets.length; ) {
    const { bytesWritten } = await file.write(octets, at);
    at += bytesWritten;
  }
  return octets.length;
}

/** What cannot be removed is removed by readers after 36 hours (https://cr.yp.to/proto/maildir.html). */
async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch {
    // The error that brought us here is the one to be told.
  }
}
