import type { Question } from "@postbus/bus";
import {
  busyAnswer,
  type Content,
  DestinationsRequest,
  type DkimSignature,
  type MessageAnswer,
  MessageRequest,
  type SpfAnswer,
  SpfRequest,
} from "@postbus/contracts";
import type { Resolver } from "@postbus/dns";
import { domainOf } from "@postbus/mail";
import { reportDestinations, type SuffixFiles } from "@postbus/mail-auth";
import type { Spool } from "@postbus/spool";
import { Compile } from "typebox/compile";
import { BusyError } from "./busy-error.ts";
import type { Checks } from "./checks.ts";
import type { FairPlaces } from "./fair-places.ts";
import type { CheckMetrics } from "./metrics.ts";

const spfRequests = Compile(SpfRequest);
const destinationsRequests = Compile(DestinationsRequest);
const messageRequests = Compile(MessageRequest);

export type QuestionHandler = (question: Question) => Promise<object>;

/** `verify.spf`: question in, fact out. */
export function spfHandler(checks: Checks, places: FairPlaces, metrics: CheckMetrics): QuestionHandler {
  return async ({ body, signal }) => {
    if (!spfRequests.Check(body)) throw new Error("verify.spf: the question does not fit its contract");
    const stopTimer = metrics.seconds.startTimer({ check: "spf" });
    const { clientAddress, returnPath, helo } = body;
    const about = { clientAddress, domain: domainOf(returnPath) || helo };
    const left = timeLeft(body);
    const { reason, queries, ...spf } = await places.run(about, signal, () =>
      checks.spf({ ...body, ...left() }, signal),
    );
    stopTimer();
    metrics.checks.inc({ check: "spf", result: spf.result });
    const wanted = body.wantsReason === true && reason !== undefined ? { reason } : {};
    return { v: 1, spf, ...wanted, ...costOf(body, queries) } satisfies SpfAnswer;
  };
}

/** `verify.message`: question with content in, facts out, or that there is no place for it. */
export function messageHandler(
  checks: Checks,
  places: FairPlaces,
  spool: Pick<Spool, "read">,
  metrics: CheckMetrics,
): QuestionHandler {
  return async ({ body, content, signal }) => {
    if (!messageRequests.Check(body)) throw new Error("verify.message: the question does not fit its contract");
    if (content === undefined) throw new Error("verify.message: the question has no content");
    const stopTimer = metrics.seconds.startTimer({ check: "message" });
    // A domain that SPF has not let pass is anybody's word: the mail of others must not wait for it.
    const domain = body.spf?.result === "pass" ? body.spf.domain : undefined;
    const about = { clientAddress: body.clientAddress, domain };
    const left = timeLeft(body);
    const found = await orBusy(
      places.run(about, signal, () => checks.message({ ...body, ...left() }, octetsOf(content, spool), signal)),
    );
    stopTimer();
    if (found === undefined) return busyAnswer;
    const { dkim, dmarc, dmarcDetail, arc, signatures, queries } = found;
    if (dkim.length === 0) metrics.checks.inc({ check: "dkim", result: "none" });
    for (const { result } of dkim) metrics.checks.inc({ check: "dkim", result });
    if (body.skipsDmarc !== true) metrics.checks.inc({ check: "dmarc", result: dmarc.result });
    if (arc !== undefined) metrics.checks.inc({ check: "arc", result: arc.result });
    return {
      v: 1,
      dkim: [...dkim],
      dmarc,
      ...(body.wantsSignatures === true ? { signatures: signatures.map(asWanted(body)) } : {}),
      ...(arc === undefined ? {} : { arc }),
      ...(body.wantsDmarcDetail === true ? { dmarcDetail } : {}),
      ...costOf(body, queries),
    } satisfies MessageAnswer;
  };
}

/** Undefined: there was no place. */
async function orBusy<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (err) {
    if (err instanceof BusyError) return undefined;
    throw err;
  }
}

/** An asker that does not know a word would not know what to do with it. */
const asWanted =
  ({ wantsSignatureBits, wantsSignatureFaults }: MessageRequest) =>
  ({ signatureBits, fault, ...rest }: DkimSignature): DkimSignature => ({
    ...rest,
    ...(wantsSignatureBits === true && signatureBits !== undefined ? { signatureBits } : {}),
    ...(wantsSignatureFaults === true && fault !== undefined ? { fault } : {}),
  });

/** From now on. @returns what is left when the question has got its place. */
function timeLeft({ withinMs }: Pick<MessageRequest, "withinMs">): () => Pick<MessageRequest, "withinMs"> {
  if (withinMs === undefined) return () => ({});
  const endMs = performance.now() + withinMs;
  return () => ({ withinMs: Math.max(1, Math.round(endMs - performance.now())) });
}

/** Where somebody counts. */
const costOf = ({ spentQueries }: Pick<MessageRequest, "spentQueries">, queries: number) =>
  spentQueries === undefined ? {} : { queries };

/** `verify.destinations`: whom a domain's record names in, who may be sent reports out. */
export function destinationsHandler(resolver: Resolver, files: SuffixFiles): QuestionHandler {
  return async ({ body, signal }) => {
    if (!destinationsRequests.Check(body))
      throw new Error("verify.destinations: the question does not fit its contract");
    const { suffixFile } = body;
    const suffixes = suffixFile === undefined ? undefined : await files.of(suffixFile);
    return reportDestinations(body, resolver, { signal }, suffixes);
  };
}

function octetsOf(content: Content, spool: Pick<Spool, "read">): Buffer | AsyncIterable<Buffer> {
  if (content.kind === "inline") return content.octets;
  const { id, size, sha256 } = content;
  return spool.read({ id, size, sha256 }, { isTransient: true });
}
