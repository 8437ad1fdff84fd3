import { constants, open } from "node:fs/promises";
import { DeferError } from "@postbus/mail";
import { failureText, type QueuefileTransport, Tainted } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import { pathText } from "../appendfile/path-text.ts";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { strerror, systemError } from "../system-error.ts";
import { placeSpoolFiles, type SpoolFilesDeps } from "./place-spool-files.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const NO_ERRNO = -1;

/** Leaves a message in a directory as a pair of spool files of Exim, with all recipients of the item. */
export async function deliverToQueuefile(
  attempt: Attempt,
  transport: QueuefileTransport,
  deps: SpoolFilesDeps,
): Promise<AttemptReport> {
  const result = await deliver(attempt, transport, deps);
  return { results: attempt.item.recipients.map(() => result), notes: [] };
}

async function deliver(attempt: Attempt, transport: QueuefileTransport, deps: SpoolFilesDeps): Promise<AttemptResult> {
  const doing = { what: "" };
  try {
    const directory = await directoryOf(attempt, transport);
    if (typeof directory !== "string") return directory;
    doing.what = `accessing directory: ${directory}`;
    const folder = await open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await placeSpoolFiles(attempt, { directory, hasShortNames: transport.hasShortNames, doing }, deps);
      await folder.sync();
    } finally {
      await folder.close();
    }
    return { outcome: "delivered" };
  } catch (err) {
    if (err instanceof DeferError) return deferred(err.message);
    const found = systemError(err);
    if (found === undefined) throw err;
    const text = `${transport.name} transport ${doing.what} failed with error: ${strerror(found.errno)}`;
    return { outcome: "deferred", errno: found.errno, text };
  }
}

async function directoryOf({ item }: Attempt, transport: QueuefileTransport): Promise<string | AttemptResult> {
  const { name } = transport;
  try {
    const directory = await transport.directory(item.recipients[0]?.address ?? "");
    if (directory instanceof Tainted) {
      return deferred(`Tainted '${directory.text}' (directory for ${name} transport) not permitted`);
    }
    if (directory.startsWith("/")) return pathText(directory);
    return deferred(`${name} transport directory: ${directory} is not absolute`);
  } catch (err) {
    if (failureText(err) === undefined) throw err;
    return deferred(`${name} transport: failed to expand dirname option`);
  }
}

const deferred = (text: string): AttemptResult => ({ outcome: "deferred", errno: NO_ERRNO, text });
