import { type BdatCommand, ChunkReader, parseBdat } from "../chunk-reader.ts";
import { MessageReading } from "../message-reading.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";
import { contentWithoutRecipients, hasTooMany, refuseTooMany } from "./data.ts";

/** Of a chunk that is thrown away, where messages have no limit. */
const MAX_SKIPPED_OCTETS = 100 * 1024 * 1024;

/** RFC 3030. The predata ACL is the owner's to ask or not: nothing is said before the chunk has come. */
export function bdat(core: SessionCore, argument: string): SessionStep | undefined {
  const isBehindRcpt = core.isLastRcpt;
  core.isLastRcpt = false;
  core.isMailRefused = false;
  // What follows is content, and must not be taken for commands.
  if (!core.isExtended || core.offers?.chunking !== true) return core.close(replies.bdatNotAdvertised);
  const command = parseBdat(argument);
  if (command === undefined) return core.close(replies.bdatSizeMissing);
  if (!Number.isSafeInteger(command.octets)) return core.close(replies.messageTooBig);
  // A message may have many chunks; empty ones are none.
  if (command.octets === 0 && core.limits.commandWithoutMessage()) return core.close(replies.tooManyCommands);
  const { reading } = core;
  if (reading?.source instanceof ChunkReader) return beginChunk(core, reading, reading.source, command);
  if (core.isOutOfOrder) return skipChunk(core, command, () => core.protocolError(replies.onlyReset));
  if (core.transaction === undefined || core.transaction.recipients === 0) {
    const isRefusedBefore = core.isChunkRefused && core.mayPipeline;
    return skipChunk(core, command, () => {
      if (isRefusedBefore) core.say(replies.recipientMustPrecede.BDAT);
      else contentWithoutRecipients(core, "BDAT", isBehindRcpt);
    });
  }
  if (hasTooMany(core)) return skipChunk(core, command, () => refuseTooMany(core, command.isLast));
  core.announced = command;
  return core.ask({ kind: "data", isChunked: true }, "data asked");
}

/** The owner wants the message whose first chunk was announced. */
export function beginChunks(core: SessionCore, command: BdatCommand): void {
  const source = new ChunkReader();
  core.reading = new MessageReading(source, core.profile);
  beginChunk(core, core.reading, source, command);
}

function beginChunk(core: SessionCore, reading: MessageReading, source: ChunkReader, command: BdatCommand): undefined {
  source.begin(command);
  core.announced = undefined;
  core.phase = "content";
  core.refused = reading.announce(command.octets);
}

/** A chunk that nobody wants is read to its end, and then answered. */
export function skipChunk(core: SessionCore, { octets }: BdatCommand, answer: () => void): undefined {
  core.announced = undefined;
  if (core.limits.commandWithoutMessage()) return core.close(replies.tooManyCommands);
  if (octets > (core.profile.messageSizeLimit || MAX_SKIPPED_OCTETS)) return core.close(replies.messageTooBig);
  core.skipped = { left: octets, answer };
  core.phase = "skip";
}

/** @returns Undefined: the chunk has come to its end, and is answered. */
export function skip(core: SessionCore): SessionStep | undefined {
  const { skipped, input } = core;
  if (skipped === undefined) throw new Error("nothing to skip");
  const octets = Math.min(skipped.left, input.length);
  skipped.left -= octets;
  input.moveTo(input.at + octets);
  if (skipped.left > 0) return { kind: "read" };
  core.skipped = undefined;
  core.phase = "command";
  skipped.answer();
  return undefined;
}
