import { type FileHandle, open } from "node:fs/promises";
import type { MailboxJob } from "./mailbox-job.ts";
import { unchangingOctets } from "./write-message.ts";

/** What was delivered before a crash is not far from the end of a file: messages that came since stand behind it. */
const LOOKED_AT_OCTETS = 64 * 1024 * 1024;
const PIECE_OCTETS = 256 * 1024;
/** The first octets of a message have our Received field, with the message's id. */
const NEEDLE_OCTETS = 4 * 1024;

/**
 * Whether a file has the message already, from a run whose end was not recorded. The same message for another address in the
 * same mailbox counts: whoever reads it has it.
 */
export async function holdsMessage(job: MailboxJob, path: string): Promise<boolean> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const needle = await beginning(job);
  if (needle.length === 0) return false;
  const piece = Buffer.alloc(PIECE_OCTETS + NEEDLE_OCTETS);
  for (let end = size; end > 0 && end > size - LOOKED_AT_OCTETS; end -= PIECE_OCTETS) {
    const start = Math.max(0, end - PIECE_OCTETS);
    const { bytesRead } = await file.read(piece, 0, end - start + needle.length, start);
    const octets = piece.subarray(0, bytesRead);
    for (let at = octets.lastIndexOf(needle); at !== -1; at = at === 0 ? -1 : octets.lastIndexOf(needle, at - 1)) {
      if (await standsAt(job, file, start + at)) return true;
    }
  }
  return false;
}

async function beginning(job: MailboxJob): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const octets of unchangingOctets(job)) {
    parts.push(Buffer.from(octets));
    length += octets.length;
    if (length >= NEEDLE_OCTETS) break;
  }
  return Buffer.concat(parts).subarray(0, NEEDLE_OCTETS);
}

async function standsAt(job: MailboxJob, file: FileHandle, position: number): Promise<boolean> {
  let at = position;
  for await (const octets of unchangingOctets(job)) {
    if (octets.length === 0) continue;
    const there = Buffer.alloc(octets.length);
    const { bytesRead } = await file.read(there, 0, there.length, at);
    if (bytesRead < octets.length || !there.equals(octets)) return false;
    at += octets.length;
  }
  return true;
}
