import { stat } from "node:fs/promises";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Question } from "@postbus/bus";
import { type DeliveryItem, type QuotaAnswer, QuotaRequest } from "@postbus/contracts";
import { ConfigError, DeferError, domainOf } from "@postbus/mail";
import { type AppendfileTransport, MessageVariables, type Policy } from "@postbus/policy";
import { Compile } from "typebox/compile";
import { systemError } from "../../system-error.ts";
import { openFolder } from "../folder.ts";
import type { MailboxDeps } from "../mailbox-deps.ts";
import { MailboxError, mailboxErrors } from "../mailbox-error.ts";
import { MailboxJob } from "../mailbox-job.ts";
import { mailboxPlace } from "../mailbox-place.ts";
import { ownerOf } from "../owner.ts";
import { checkQuota, type Usage } from "./check-quota.ts";
import { directoryQuota } from "./directory-quota.ts";
import { readLimits } from "./limits.ts";

const requests = Compile(QuotaRequest);
const { ENOENT } = constants.errno;

interface QuotaDeps {
  /** The one in force now. */
  readonly policy: () => Pick<Policy, "primaryHostname" | "transport">;
  readonly mailboxes: MailboxDeps;
}

/** `verify.quota`: whether a mailbox would take a message of a size, as `verify = recipient/quota` wants to know it. */
export function quotaHandler(deps: QuotaDeps): (question: Question) => Promise<QuotaAnswer> {
  return async ({ body: request, signal }) => {
    if (!requests.Check(request)) throw new Error("verify.quota: the question does not fit its contract");
    let job: MailboxJob | undefined;
    try {
      const found = await jobOf(request, signal, deps);
      if (typeof found === "string") return { v: 1, result: "unknown", text: found };
      job = found;
      await look(job);
      return { v: 1, result: "good" };
    } catch (err) {
      return answerOf(err, job);
    }
  };
}

function answerOf(err: unknown, job: MailboxJob | undefined): QuotaAnswer {
  if (err instanceof MailboxError) {
    return { v: 1, result: err.errno === mailboxErrors.quota ? "full" : "unknown", text: err.message };
  }
  // Gateway may run another version of the policy.
  if (err instanceof ConfigError || err instanceof DeferError) return { v: 1, result: "unknown", text: err.message };
  const found = systemError(err);
  if (found === undefined) throw err;
  return { v: 1, result: "unknown", text: `${job?.doing ?? ""}: ${found.text}` };
}

async function jobOf(request: QuotaRequest, signal: AbortSignal, deps: QuotaDeps): Promise<MailboxJob | string> {
  const policy = deps.policy();
  const { transport: name, address } = request;
  const item = itemOf(request);
  const transport = await policy
    .transport(name)
    .at(() => new MessageVariables(item, address, request.variables), address);
  if (transport.driver !== "appendfile") return `the ${name} transport knows no quota`;
  return new MailboxJob({
    attempt: {
      work: { id: "verify_0_0", handedOut: 1, isHeld: () => true, signal },
      item,
      content: { kind: "spooled", id: "verify", size: request.size, sha256: "" },
    },
    transport: transport satisfies AppendfileTransport,
    positions: [0],
    hostName: policy.primaryHostname,
    deps: deps.mailboxes,
  });
}

/** A message of which there is only the size. */
function itemOf({ address, size, transport, user, group }: QuotaRequest): DeliveryItem {
  return {
    v: 1,
    messageId: "verify",
    returnPath: "",
    recipients: [{ address }],
    receivedAtMs: 0,
    queuedAtMs: 0,
    attempt: 1,
    reception: { protocol: "smtp", size },
    router: "verify",
    transport,
    domain: domainOf(address),
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
  };
}

/** @throws {MailboxError} there is no room, or it cannot be said. */
async function look(job: MailboxJob): Promise<void> {
  const { kind, path } = await mailboxPlace(job);
  if (kind === "nowhere") return;
  job.owner = await ownerOf(job);
  try {
    if (kind === "file") await lookAtFile(job, path);
    else await lookAtDirectory(job, path);
  } catch (err) {
    if (systemError(err)?.errno !== ENOENT) throw err;
    // It is not there yet.
    await check(job, path, { size: 0, files: 0 });
  }
}

async function lookAtFile(job: MailboxJob, path: string): Promise<void> {
  await using folder = await openFolder(job, dirname(path), false);
  job.doing = `attempting to stat mailbox ${path}`;
  const { size } = await stat(folder.at(basename(path)));
  await check(job, path, { size, files: 1 });
}

async function lookAtDirectory(job: MailboxJob, path: string): Promise<void> {
  await using folder = await openFolder(job, path, false);
  if (job.transport.settings.directoryFormat !== "maildir") {
    await directoryQuota(job, { folder, path });
    return;
  }
  await using temporary = await openFolder(job, join(path, "tmp"), false);
  await directoryQuota(job, { folder, temporary, path });
}

async function check(job: MailboxJob, path: string, usage: Usage): Promise<void> {
  const limits = await readLimits(job);
  if (limits !== undefined) await checkQuota(job, limits, () => usage, { path, readAtMs: () => job.deps.now() });
}
