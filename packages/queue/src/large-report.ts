import { type Content, contentSize, spoolName } from "@postbus/contracts";
import { type Composed, FormSurvey, isWithinSize, type MessageForm, type ReturnLimits } from "@postbus/dsn";
import type { ConcludeContext } from "./attempted.ts";

/** The octets of a message, wherever they are. */
function piecesOf(content: Content, readSpooled: ConcludeContext["readSpooled"]): AsyncIterable<Buffer> {
  if (content.kind === "inline") return inOnePiece(content.octets);
  if (readSpooled === undefined) throw new Error(`content ${content.id} cannot be read here`);
  return readSpooled(content);
}

async function* inOnePiece(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}

/**
 * What a report that returns a large message has to know of it: it is read once for that, if it may be returned at all.
 *
 * @throws {SpoolError} it is missing or damaged.
 */
export async function formOfLarge(
  content: Content,
  limits: ReturnLimits,
  { readSpooled, createSpooled }: Pick<ConcludeContext, "readSpooled" | "createSpooled">,
): Promise<MessageForm | undefined> {
  const isReturned = limits.returnsMessage && limits.returnsBody && isWithinSize(contentSize(content), limits);
  if (content.kind === "inline" || !isReturned || createSpooled === undefined) return undefined;
  const survey = new FormSurvey(limits);
  for await (const piece of piecesOf(content, readSpooled)) survey.add(piece);
  return survey.form;
}

/**
 * A report with the message in its place, stored. Made again after a crash it may have other octets (times, texts of hosts),
 * and the report that was published first stays good: each has a name of its own.
 *
 * @throws {DeferError} the spool is full, or out of reach. @throws {SpoolError} the message is missing or damaged.
 */
export async function storedReport(
  id: string,
  { octets, behindMessage }: Composed,
  message: Content,
  { readSpooled, createSpooled, random }: Pick<ConcludeContext, "readSpooled" | "createSpooled" | "random">,
): Promise<Content> {
  if (createSpooled === undefined) throw new Error("a large report, and nowhere to put it");
  const writer = await createSpooled(spoolName(id, Math.floor(random() * 2 ** 48).toString(36)));
  try {
    await writer.write(octets);
    for await (const piece of piecesOf(message, readSpooled)) await writer.write(piece);
    if (behindMessage !== undefined) await writer.write(behindMessage);
    return { kind: "spooled", ...(await writer.finish()) };
  } catch (err) {
    await writer.abort().catch(() => undefined); // What went wrong first is told; what is left is swept.
    throw err;
  }
}
