import type { ScanTask, ScanVerdict } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { AclSession } from "@postbus/policy";
import type { Envelope } from "../envelope.ts";
import { scanClient } from "./scan-client.ts";

/** Octets of recipients that an engine is told of: a question must fit into a message of the bus. */
const MAX_RECIPIENT_OCTETS = 128 * 1024;

/**
 * Asks an engine about the message of a session, as its ACLs see it.
 *
 * @returns With the recipients that the engine was told of.
 * @throws {DeferError} no verdict, for now.
 */
export async function askEngine(
  task: ScanTask,
  timeoutMs: number,
  session: AclSession,
  envelope: Envelope | undefined,
): Promise<{ readonly verdict: ScanVerdict; readonly recipients: readonly string[] }> {
  if (envelope === undefined || session.message.content === undefined) {
    throw new DeferError(task.engine, "there is no message yet");
  }
  const client = scanClient(session);
  const recipients = firstOf(envelope.recipients);
  const { facts, returnPath } = envelope;
  const verdict = await facts.scan(
    { client, returnPath, recipients, task, timeoutMs },
    session.message.content.headerLines,
  );
  return { verdict, recipients };
}

/** As many as there is room for. */
function firstOf(recipients: readonly string[]): string[] {
  let octets = 0;
  const end = recipients.findIndex((recipient) => {
    octets += recipient.length;
    return octets > MAX_RECIPIENT_OCTETS;
  });
  return recipients.slice(0, end === -1 ? Infinity : end);
}
