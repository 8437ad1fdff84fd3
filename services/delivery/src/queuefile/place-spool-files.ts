import { open, rename, stat } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import type { Spool } from "@postbus/spool";
import { removeIfThere } from "../appendfile/remove-if-there.ts";
import type { Attempt } from "../attempt.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { MailboxEncoder } from "../maildir/mailbox-content.ts";
import { readOutgoing } from "../message/outgoing-content.ts";
import { systemError } from "../system-error.ts";
import { BodyFigures } from "./body-figures.ts";
import { splitContent } from "./split-content.ts";
import { spoolEnvelope } from "./spool-envelope.ts";
import { spoolHeaderLines } from "./spool-header-lines.ts";
import { spoolName } from "./spool-name.ts";
import { spoolWriter } from "./spool-writer.ts";

/** As Exim makes its spool files: its group may read them. */
const FILE_MODE = 0o640;

export interface SpoolFilesDeps {
  readonly spool: Pick<Spool, "read">;
}

interface Place {
  /** Absolute. */
  readonly directory: string;
  readonly hasShortNames: boolean;
  /** What is being tried, for when the operating system refuses. */
  readonly doing: { what: string };
}

/**
 * Writes a message's `-D` and `-H`, whole and on stable storage, and gives them their names, `-H` last: that is what Exim looks
 * for. Where it is there already, an earlier run has got so far; what Exim has taken on meanwhile, a second run makes again.
 */
export async function placeSpoolFiles(
  { work, item, content }: Attempt,
  place: Place,
  deps: SpoolFilesDeps,
): Promise<void> {
  const { directory, doing } = place;
  const name = spoolName(work.id, item.receivedAtMs, place.hasShortNames);
  const path = (end: string): string => join(directory, `${name}-${end}`);
  if (await isThere(path("H"))) return;
  const { header, body } = await splitContent(readOutgoing(content, deps.spool));
  const figures = new BodyFigures();
  figures.add(Buffer.from(header.toString("latin1").replace(/\r\n/g, "\n"), "latin1"), false);
  // Names that nobody takes for those of spool files; a run that was paused has others.
  const temporary = (end: string): string => join(directory, `.${name}-${end}.P${process.pid}H${work.handedOut}`);
  const made: string[] = [temporary("D"), temporary("H")];
  try {
    doing.what = `creating file: ${path("D")}`;
    await written(temporary("D"), bodyPieces(`${name}-D\n`, body, figures));
    const envelope = spoolEnvelope({ name, item, figures, writer: spoolWriter() });
    doing.what = `creating file: ${path("H")}`;
    await written(temporary("H"), [Buffer.from(envelope + spoolHeaderLines(header), "latin1")]);
    if (!work.isHeld()) throw new LeaseLostError("the item was not held when its files were complete");
    for (const end of ["D", "H"]) {
      doing.what = `linking file: ${path(end)}`;
      await rename(temporary(end), path(end));
      if (end === "D") made.push(path(end));
    }
  } catch (err) {
    for (const left of made) await removeIfThere(left);
    throw err;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (err) {
    if (systemError(err)?.errno === constants.errno.ENOENT) return false;
    throw err;
  }
}

async function* bodyPieces(first: string, body: AsyncIterable<Buffer>, figures: BodyFigures): AsyncGenerator<Buffer> {
  yield Buffer.from(first, "latin1");
  const encoder = new MailboxEncoder();
  for await (const piece of body) {
    const octets = encoder.encode(piece);
    figures.add(octets);
    yield octets;
  }
  const rest = encoder.end();
  figures.add(rest);
  yield rest;
}

/** On stable storage when this resolves. */
async function written(path: string, pieces: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  await using file = await open(path, "w", FILE_MODE);
  await file.chmod(FILE_MODE);
  for await (const piece of pieces) await file.writeFile(piece);
  await file.sync();
}
