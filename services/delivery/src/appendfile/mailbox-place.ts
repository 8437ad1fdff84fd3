import { resolve } from "node:path";
import { MailboxError, mailboxErrors } from "./mailbox-error.ts";
import type { MailboxJob } from "./mailbox-job.ts";
import { pathText } from "./path-text.ts";

/** Where a copy goes. */
export interface MailboxPlace {
  readonly kind: "nowhere" | "file" | "directory";
  /** Absolute. */
  readonly path: string;
}

/**
 * The mailbox that the transport's options name, or, if they name none, the file or directory that a redirect list has made of
 * the address.
 *
 * @throws {MailboxError}
 */
export async function mailboxPlace(job: MailboxJob): Promise<MailboxPlace> {
  const { transport, attempt, address } = job;
  const option = transport.source("file") !== undefined ? "file" : "directory";
  const noun = "file or directory name";
  if (transport.source(option) !== undefined) {
    const path = (await job.fileName(option, noun)) ?? "";
    return place(path, option);
  }
  const { to } = attempt.item;
  if (to !== "file" && to !== "directory") {
    throw new MailboxError(
      mailboxErrors.unknown,
      `Mandatory file or directory option missing from ${transport.name} transport`,
    );
  }
  // Whether a peer has had a say in it is known of the variable alone.
  const path = transport.variables(address).get("address_file");
  if (typeof path !== "string") {
    const text = `Tainted '${address}' (${noun} for ${transport.name} transport) not permitted`;
    throw new MailboxError(mailboxErrors.unknown, text);
  }
  const isDirectory = transport.settings.directoryFormat !== "files" || path.endsWith("/");
  return place(path, isDirectory ? "directory" : "file");
}

function place(path: string, kind: "file" | "directory"): MailboxPlace {
  if (path === "/dev/null" && kind === "file") return { kind: "nowhere", path };
  if (!path.startsWith("/")) {
    throw new MailboxError(mailboxErrors.notAbsolute, `appendfile: file or directory name "${path}" is not absolute`);
  }
  if (path.includes("\0")) {
    throw new MailboxError(mailboxErrors.unknown, "appendfile: a file or directory name has a NUL octet");
  }
  return { kind, path: resolve(pathText(path)) };
}
