import { ChunkReader } from "../chunk-reader.ts";
import type { MessageReading } from "../message-reading.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";

const READ: SessionStep = { kind: "read" };

/** What comes behind DATA's 354, or in a chunk. */
export function content(core: SessionCore): SessionStep | undefined {
  const { reading, input } = core;
  if (reading === undefined) throw new Error("content without a reader");
  const { source } = reading;
  const body = reading.takeBody();
  if (body !== undefined) return body;
  if (source.isComplete) return endOfContent(core, reading);
  if (source instanceof ChunkReader) {
    if (source.isBetweenChunks) return endOfChunk(core, reading, source);
    if (input.length === 0 && !source.needsNothing) return READ;
  } else if (input.length === 0) return READ;

  const step = reading.read(input.octets, input.at);
  input.moveTo(source.consumed);
  return step;
}

/** A command that may not be between two chunks: the message is void. */
export function outOfOrder(core: SessionCore): SessionStep {
  core.reading = undefined;
  core.isOutOfOrder = true;
  core.protocolError(replies.onlyBdat);
  return { kind: "refused", stage: "content", reply: replies.onlyBdat, command: core.line };
}

/** As Exim tells it, before the reply itself. */
export function lastChunk({ source, octets }: MessageReading): string | undefined {
  return source instanceof ChunkReader ? `${source.chunkOctets} byte chunk, total ${octets}` : undefined;
}

function endOfChunk(core: SessionCore, reading: MessageReading, { chunkOctets }: ChunkReader): SessionStep | undefined {
  if (reading.refusal !== undefined) return endOfContent(core, reading);
  core.phase = "command";
  core.say({ code: 250, status: "2.0.0", lines: [`${chunkOctets} byte chunk received`] });
  return core.mustNotBePipelined();
}

function endOfContent(core: SessionCore, { refusal, source }: MessageReading): SessionStep | undefined {
  if (refusal === undefined) return core.ask({ kind: "end" }, "end asked");
  core.forgetTransaction();
  core.phase = "command";
  core.say(refusal);
  if (refusal.code === 421) core.end("");
  if (source instanceof ChunkReader) core.isChunkRefused = true;
  // What follows may still be content to its sender: nothing of it is taken for a command.
  else if (source.hasBareCr) core.end(core.profile.format.own(replies.endInDoubt));
  return undefined;
}
