import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** So much of a message is kept to find its subject. */
const MAX_HEADER_OCTETS = 64 * 1024;

export interface ReceiveOptions {
  /** The octets are wanted, not only counted. */
  readonly keep: boolean;
  /** Directory in which the message gets a file. */
  readonly store?: string;
}

export interface ReceivedContent {
  readonly size: number;
  /** Undecoded; absent if there is none in the first `MAX_HEADER_OCTETS`. */
  readonly subject?: string;
  readonly octets?: Buffer;
  readonly file?: string;
}

/** Reads a message to its end. When it resolves, a stored message is on the disk under its name. */
export async function receiveMessage(stream: AsyncIterable<Buffer>, options: ReceiveOptions): Promise<ReceivedContent> {
  const file = options.store === undefined ? undefined : await startFile(options.store);
  const kept: Buffer[] = [];
  let size = 0;
  try {
    for await (const octets of stream) {
      if (options.keep || size < MAX_HEADER_OCTETS) kept.push(octets);
      size += octets.length;
      await file?.handle.writeFile(octets);
    }
    await file?.finish();
  } catch (err) {
    await file?.abort();
    throw err;
  }
  const octets = Buffer.concat(kept);
  const subject = subjectOf(octets);
  return {
    size,
    ...(subject === undefined ? {} : { subject }),
    ...(options.keep ? { octets } : {}),
    ...(file === undefined ? {} : { file: file.path }),
  };
}

async function startFile(directory: string) {
  await mkdir(directory, { recursive: true });
  const name = `${Date.now()}-${randomUUID()}`;
  const path = join(directory, `${name}.eml`);
  const unfinished = join(directory, `.${name}`);
  const handle = await open(unfinished, "wx");
  return {
    handle,
    path,
    async finish() {
      await handle.sync();
      await handle.close();
      await rename(unfinished, path);
    },
    async abort() {
      await handle.close();
      await rm(unfinished, { force: true });
    },
  };
}

/** RFC 5322 §2.2.3: a header field goes on as long as the next line starts with a blank. */
function subjectOf(octets: Buffer): string | undefined {
  const text = octets.toString("latin1", 0, MAX_HEADER_OCTETS);
  const end = text.search(/\r?\n\r?\n/);
  const header = end === -1 ? text : text.slice(0, end);
  return /^Subject:[ \t]*(.*(?:\r?\n[ \t].*)*)/im
    .exec(header)?.[1]
    ?.replaceAll(/\r?\n[ \t]+/g, " ")
    .trim();
}
