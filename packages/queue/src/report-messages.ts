import type { Publication, WorkItem } from "@postbus/bus";
import {
  type Content,
  contentSize,
  type DeliveryItem,
  firstItemId,
  INLINE_LIMIT_OCTETS,
  type MailEvent,
  type RouteItem,
  routeSubject,
} from "@postbus/contracts";
import { type Composed, composeReport, HEADER_SECTION_MAX_OCTETS, type Original, type ReportKind } from "@postbus/dsn";
import { derivedMessageId } from "@postbus/mail";
import type { ConcludeContext } from "./attempted.ts";
import { formOfLarge, storedReport } from "./large-report.ts";
import { partSuffix } from "./part-item-id.ts";
import { defaultReports, type ReportTerms } from "./report-policy.ts";
import { errorsAddress, type Reported, reportRecipient } from "./reported.ts";

/** Recipients in one report; keeps its size bounded, whoever chose the texts in it. Exim's lists have the same bound. */
const MAX_RECIPIENTS = 50;

/** What is published because senders are told. */
export interface Reports {
  readonly publish: readonly Publication[];
  readonly events: readonly MailEvent[];
}

/** What a report is about, besides its recipients. */
export interface ReportOccasion {
  readonly kind: ReportKind;
  /** Of a warning: for how long the message has been waiting, in words. */
  readonly delay?: string | undefined;
}

type Work = Pick<WorkItem, "id" | "content">;

/**
 * Tells of all recipients to whom something has happened in this outcome: for each address that is to be told, a new message
 * with a null return path; above `MAX_RECIPIENTS` there are several. Their ids derive from the item's.
 */
export async function reportMessages(
  occasion: ReportOccasion,
  work: Work,
  item: RouteItem | DeliveryItem,
  reported: readonly Reported[],
  context: ConcludeContext,
): Promise<Reports> {
  const publish: Publication[] = [];
  const events: MailEvent[] = [];
  if (reported.length === 0) return { publish, events };
  const { original, problem } = await readOriginal(work.content, context, mayReturnAll(occasion, item));
  const problems = new Set(problem === undefined ? [] : [problem]);
  const byAddress = Map.groupBy(reported, ({ attempted }) =>
    occasion.kind === "success" ? item.returnPath : errorsAddress(item, attempted),
  );
  for (const [to, all] of byAddress) {
    for (let at = 0; at < all.length; at += MAX_RECIPIENTS) {
      const some = all.slice(at, at + MAX_RECIPIENTS);
      const report = await new ReportMessage(occasion, work, item, context).made(to, some, original);
      for (const text of report.problems) problems.add(text);
      if (report.publication !== undefined) publish.push(report.publication);
      if (report.received !== undefined) events.push(report.received);
    }
  }
  const notes = [...problems].map((text, i): MailEvent => {
    const { nowMs: atMs, service } = context;
    const id = `${work.id}:msg:note:${occasion.kind}${i}`;
    return { v: 1, id, atMs, service, messageId: item.messageId, name: "msg:note", text };
  });
  return { publish, events: [...notes, ...events] };
}

interface Made extends Pick<ReportTerms, "problems"> {
  readonly publication?: Publication;
  readonly received?: MailEvent;
}

type Report = Parameters<typeof composeReport>[0];

const inline = ({ octets }: Composed): Content => ({ kind: "inline", octets });

/** RFC 3461 §4.3: of failures only; RFC 8689 §5: not of what was to be protected. */
const mayReturnAll = ({ kind }: ReportOccasion, { notification, requireTls }: RouteItem | DeliveryItem): boolean =>
  kind === "failure" && notification?.ret !== "HDRS" && requireTls !== true;

class ReportMessage {
  readonly #occasion: ReportOccasion;
  readonly #work: Work;
  readonly #item: RouteItem | DeliveryItem;
  readonly #context: ConcludeContext;

  constructor(occasion: ReportOccasion, work: Work, item: RouteItem | DeliveryItem, context: ConcludeContext) {
    this.#occasion = occasion;
    this.#work = work;
    this.#item = item;
    this.#context = context;
  }

  async made(to: string, reported: readonly Reported[], original: Original): Promise<Made> {
    const { kind, delay } = this.#occasion;
    const item = this.#item;
    const { nowMs, primaryHostname, qualifyDomain = primaryHostname } = this.#context;
    const { reports = defaultReports(qualifyDomain) } = this.#context;
    const recipients = reported.map((one) => reportRecipient(item, one));
    const addresses = recipients.map(({ address }) => address);
    const terms = await reports.terms({ kind, item, content: original.octets, to, delay, recipients: addresses });
    const { problems } = terms;
    if (!terms.isWanted) return { problems };

    const id = this.#messageId(reported);
    const { headerMessageId } = item.reception;
    const { envid, ret } = item.notification ?? {};
    // RFC 8689 §5: only the header section of what was to be protected, whatever RET has said.
    const returned = item.requireTls === true ? "HDRS" : ret;
    const report = {
      kind,
      id,
      nowMs,
      primaryHostname,
      to,
      returnPath: item.returnPath,
      queueId: item.messageId,
      receivedAtMs: item.receivedAtMs,
      isSmtpUtf8: item.smtpUtf8 === true,
      ...(headerMessageId === undefined ? {} : { about: headerMessageId }),
      ...(envid === undefined ? {} : { envelopeId: envid }),
      ...(returned === undefined ? {} : { ret: returned }),
      ...(delay === undefined ? {} : { delay }),
      recipients,
      original,
      limits: reports.limits,
      wording: terms.wording,
      maxOctets: INLINE_LIMIT_OCTETS,
    };
    const { composed, content, problem } = await this.#composed(id, report);
    const header = this.#header(id, new Set([to, ...terms.copies]), composed, contentSize(content));
    return {
      problems: problem === undefined ? problems : [...problems, problem],
      publication: { subject: routeSubject(), id: firstItemId(id), messageId: id, header, content },
      received: this.#received(header),
    };
  }

  /** With the whole message, if it may be returned, however large it is; where it cannot be stored, without its body. */
  async #composed(
    id: string,
    report: Report,
  ): Promise<{ readonly composed: Composed; readonly content: Content; readonly problem?: string }> {
    const mayBeLarge = this.#context.createSpooled !== undefined;
    const composed = await composeReport({ ...report, mayBeLarge });
    if (composed.behindMessage === undefined) return { composed, content: inline(composed) };
    try {
      return { composed, content: await storedReport(id, composed, this.#work.content, this.#context) };
    } catch (err) {
      const problem = `the message could not be returned in its report: ${err instanceof Error ? err.message : err}`;
      const less = await composeReport(report);
      return { composed: less, content: inline(less), problem };
    }
  }

  /** The same for the same recipients of an item, however often it is handled. */
  #messageId(reported: readonly Reported[]): string {
    const { kind } = this.#occasion;
    const positions = reported.map(({ position }) => position);
    const suffix = partSuffix(positions, this.#item.recipients.length);
    return derivedMessageId(`${this.#work.id}/${NAMES[kind]}${suffix}`, this.#item.queuedAtMs);
  }

  #header(
    messageId: string,
    addresses: ReadonlySet<string>,
    { eightBit, smtpUtf8 }: Composed,
    size: number,
  ): RouteItem {
    const { nowMs, primaryHostname, reports } = this.#context;
    const item = this.#item;
    const authenticatedSender = reports?.authenticatedSender;
    return {
      v: 1,
      messageId,
      returnPath: "",
      recipients: [...addresses].map((address) => ({ address })),
      receivedAtMs: nowMs,
      queuedAtMs: nowMs,
      attempt: 1,
      ...(eightBit ? { eightBit } : {}),
      ...(smtpUtf8 ? { smtpUtf8 } : {}),
      ...(item.requireTls === true ? { requireTls: true } : {}),
      reception: {
        protocol: "local",
        about: item.messageId,
        headerMessageId: `E${messageId}@${primaryHostname}`,
        ...(authenticatedSender === undefined ? {} : { authenticatedSender }),
        size,
      },
    };
  }

  #received({ messageId, returnPath, recipients, reception }: RouteItem): MailEvent {
    return {
      v: 1,
      id: `${messageId}:msg:received:0`,
      atMs: this.#context.nowMs,
      service: this.#context.service,
      messageId,
      name: "msg:received",
      returnPath,
      recipients: recipients.map(({ address }) => address),
      reception,
    };
  }
}

/** In the names of which their ids are made. */
const NAMES: Readonly<Record<ReportKind, string>> = { failure: "bounce", delay: "warning", success: "success" };

/**
 * As much of the message as a report can quote. That it cannot be read must not keep the sender from being told:
 * the report is made without it, and the log says why.
 */
async function readOriginal(
  content: Content,
  context: ConcludeContext,
  mayReturnAll: boolean,
): Promise<{ readonly original: Original; readonly problem?: string }> {
  const { readSpooled, reports, primaryHostname } = context;
  const size = contentSize(content);
  if (content.kind === "inline") return { original: { octets: content.octets, isWhole: true, size } };
  const parts: Buffer[] = [];
  let length = 0;
  try {
    if (readSpooled !== undefined) {
      for await (const part of readSpooled(content)) {
        parts.push(part);
        length += part.length;
        if (length >= HEADER_SECTION_MAX_OCTETS) break;
      }
    }
  } catch (err) {
    const text = err instanceof Error ? err.message : String(err);
    const problem = `the message could not be read for its report: ${text}`;
    return { original: { octets: Buffer.alloc(0), isWhole: false, size }, problem };
  }
  const original = { octets: Buffer.concat(parts), isWhole: false, size };
  if (!mayReturnAll) return { original };
  try {
    const { limits } = reports ?? defaultReports(primaryHostname);
    const form = await formOfLarge(content, limits, context);
    return { original: form === undefined ? original : { ...original, form } };
  } catch (err) {
    const problem = `the message could not be read for its report: ${err instanceof Error ? err.message : err}`;
    return { original, problem };
  }
}
