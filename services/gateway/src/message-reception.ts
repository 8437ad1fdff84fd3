// One file because each step from DATA to its reply goes on with what the steps before have left in the message.
import { BusFullError } from "@postbus/bus";
import {
  type Content,
  type DmarcChecked,
  type Facts,
  firstItemId,
  type RouteItem,
  routeSubject,
} from "@postbus/contracts";
import { BodyGlance, DeferError, fieldValue, type HeaderField, headerFields, type Reply, reply } from "@postbus/mail";
import { type AclAnswer, BmiVerdicts, judgeContent, receivedContent } from "@postbus/policy";
import { contentLines } from "./content-lines.ts";
import { ContentStages, scanRoot } from "./content-stages.ts";
import { concludeDmarc, type EndOfMessage } from "./dmarc/conclude-dmarc.ts";
import { BmiScan } from "./facts/bmi-scan.ts";
import { whyNoDmarc } from "./facts/why-no-dmarc.ts";
import type { Incoming } from "./incoming.ts";
import { tellDiscarded } from "./log/discarded-message.ts";
import { type LoggedReception, loggedReception } from "./log/logged-reception.ts";
import { rejectDetails } from "./log/reject-details.ts";
import { signatureLine } from "./log/signature-line.ts";
import { type MendedHeader, mendHeader } from "./mend-header.ts";
import { MessageContent } from "./message-content.ts";
import { foldedLines, MessageHeader } from "./message-header.ts";
import { MessageNotes } from "./message-notes.ts";
import { isAccepted } from "./policy-session.ts";
import { rewritesHeaders } from "./rewriting.ts";
import { receivedEvent, routeItem } from "./route-item.ts";
import type { Surroundings } from "./surroundings.ts";
import { isTlsOptional } from "./tls-optional.ts";
import { messageIdOf } from "./trace/header-message-id.ts";
import { ownReceived } from "./trace/own-received.ts";
import { receivedFieldOf } from "./trace/received-field.ts";
import { withoutUnwanted } from "./trace/unwanted-fields.ts";
import { tellOfFreezing, whenTried } from "./waiting-message.ts";

/** What became of a message. */
export interface Finished {
  readonly reply: Reply;
  /** `refused`, `dropped`: by the policy, as `answer` says. `lost`: nothing is left of it, and nobody there to hear so. */
  readonly end: "taken" | "discarded" | "failed" | "refused" | "dropped" | "lost";
  readonly answer?: AclAnswer;
  /** Nobody has chosen the words of the reply. */
  readonly isUsual?: boolean;
}

export const noRoom = reply(452, "4.3.1", "Insufficient system storage; please try again later");
export const notNow = reply(451, "4.3.0", "Temporary local problem - please try later");

type BodyView = Parameters<typeof receivedContent>[1];

/** What a field of the header section takes besides its octets, about. */
const FIELD_OCTETS = 200;

/** A message from DATA to its reply: collects the content, shows it to the policy, puts it on the bus. */
export class MessageReception {
  readonly messageId: string;
  readonly #incoming: Incoming;
  readonly #surroundings: Surroundings;
  readonly #content: MessageContent;
  /** The policy will look at the whole message. */
  readonly #glance: BodyGlance | undefined;
  /** Milliseconds since the epoch. */
  readonly #receivedAtMs: number;
  #fields: readonly HeaderField[] = [];
  #header: MessageHeader | undefined;
  /** Names whose results have been taken out; undefined: those that the policy always has. */
  #removedIds: Set<string> | undefined;
  #collectedOctets = 0;
  /** From the budget. */
  #takenOctets = 0;
  /** What submission mode and rewriting rules have changed. */
  #mended: MendedHeader | undefined;
  /** `received_header_text`, expanded; undefined: it is not set. */
  #ownReceived: string | undefined;
  #isOver = false;
  #hasHeader = false;
  /** For the log. */
  readonly #notes: MessageNotes;
  /** As it was shown to the policy. */
  #body: BodyView | undefined;
  /** Absent: no message is scanned by this policy. */
  readonly #bmi: BmiScan | undefined;

  constructor(incoming: Incoming, surroundings: Surroundings) {
    const { policy } = surroundings;
    const { acls, envelope } = incoming;
    this.messageId = surroundings.messageIds.next();
    this.#notes = new MessageNotes(this.messageId, incoming.decisions, surroundings);
    this.#incoming = incoming;
    this.#surroundings = surroundings;
    this.#receivedAtMs = Date.now();
    const { message } = acls.session;
    message.messageId = this.messageId;
    message.receivedAtMs = this.#receivedAtMs;
    const isLookedAt = policy.looksAtContent(acls) || this.#tellsSignatures;
    if (isLookedAt) this.#glance = new BodyGlance(policy.smtp.bodyVisibleOctets);
    this.#content = new MessageContent(
      surroundings.bus.spool,
      this.messageId,
      isLookedAt ? undefined : async () => this.#changedHeader().top,
    );
    const { bmi } = policy.configuration;
    if (bmi !== undefined) {
      this.#bmi = new BmiScan(bmi, incoming, surroundings, {
        original: () => this.#content.original(),
        headerOctets: () => this.#content.header.length,
        lines: () => this.#changedHeader().lines,
      });
    }
    envelope.facts.contentIsThere({
      messageId: this.messageId,
      wantsSignatures: acls.has("dkim") || policy.wantedFacts.signatures || this.#tellsSignatures,
      wantsSignatureBits: this.#tellsSignatures,
      headerOctets: () => this.#content.header.length,
      dkimLimits: policy.dkimLimits,
      isDkimOff: message.controls.isDkimOff === true,
      isDmarcOff: () => whyNoDmarc(acls.session) !== undefined,
      wantsArc: policy.wantedFacts.arc,
      wantsDmarcDetail: policy.wantedFacts.dmarc,
      suffixFile: policy.dmarc.suffixFile,
      read: () => this.#content.original(),
    });
  }

  get hasHeader(): boolean {
    return this.#hasHeader;
  }

  /** Whether what is given to `body` stays in memory. */
  get keepsBody(): boolean {
    return !this.#content.isSpooled;
  }

  /** So many octets of the header section are held by the session. @throws {BusFullError} there is no room for them. */
  collecting(headerOctets: number): undefined {
    this.#collectedOctets = headerOctets;
    this.#account();
  }

  /** @returns Something to wait for, or nothing. @throws {DeferError} no room, by the result or at once. */
  header(octets: Buffer): Promise<void> | undefined {
    this.#collectedOctets = 0;
    this.#hasHeader = true;
    this.#fields = headerFields(octets);
    const { policy, dates } = this.#surroundings;
    const { acls } = this.#incoming;
    const isMended = acls.session.message.controls.submission !== undefined || rewritesHeaders(policy, acls);
    const { receivedHeaderText: text } = policy.smtp;
    if (!isMended && text === undefined) return this.#addHeader(octets);
    // What was read stays with the session meanwhile, and may be used for something else.
    const own = Buffer.from(octets);
    const changed = async (): Promise<void> => {
      if (isMended) {
        const lines = foldedLines(own, this.#fields);
        this.#mended = await mendHeader(lines, policy, acls, dates.at(this.#receivedAtMs));
        this.#submittedBy(acls.session.message.returnPath ?? "");
      }
      if (text !== undefined) {
        this.#ownReceived = await ownReceived(text, acls, dates.at(this.#receivedAtMs), (note) =>
          this.#notes.add(note),
        );
      }
      return this.#addHeader(own);
    };
    return changed();
  }

  /** Submission mode may have found that somebody else has sent the message. */
  #submittedBy(sender: string): void {
    const { envelope } = this.#incoming;
    const { returnPath } = envelope;
    if (sender === returnPath) return;
    envelope.changeReturnPath(sender);
    if (!this.#surroundings.policy.log.selectors.has("address_rewrite")) return;
    this.#notes.add(`"${returnPath}" from env-from rewritten as "${sender}" by submission mode`);
  }

  #addHeader(octets: Buffer): Promise<void> | undefined {
    const waiting = this.#content.addHeader(octets);
    this.#account();
    return waiting?.then(() => this.#account());
  }

  /** As `header`. */
  body(octets: Buffer): Promise<void> | undefined {
    this.#glance?.add(octets);
    const waiting = this.#content.addBody(octets);
    this.#account();
    return waiting?.then(() => this.#account());
  }

  /**
   * The final dot has come, or the last chunk.
   *
   * @returns The reply: 250 only when the message is on stable storage. Never rejects; whatever goes wrong is ours, and
   * so 4xx.
   */
  async finish(): Promise<Finished> {
    const { messageId } = this;
    const wasForSomebody = this.#incoming.envelope.recipients.length > 0;
    try {
      const refusal = this.#mended?.refusal;
      if (refusal !== undefined) {
        this.#incoming.decisions?.ended(messageId, "refused");
        await this.discard();
        return { reply: refusal, end: "refused" };
      }
      if (this.#glance !== undefined) this.#show(this.#glance);
      const { answer, reply: given, isRefusal = false } = (await this.#judge()) ?? {};
      const usual: Reply = { code: 250, status: "2.0.0", lines: [`OK id=${messageId}`] };
      const end = this.#endBy(answer, isRefusal);
      const checked = this.#hasJudgedDmarc ? await this.#concludeDmarc(end, given?.code) : undefined;
      if (end === "discarded" && !this.#isAnsweredByAll(wasForSomebody)) await this.#tellDiscarded(answer);
      if (end !== "taken") {
        this.#incoming.decisions?.ended(messageId, end === "discarded" ? end : "refused");
        await this.discard();
      }
      if (end === "refused" || end === "dropped") {
        return { reply: given ?? notNow, end, ...(answer === undefined ? {} : { answer }) };
      }
      const isUsual = given === undefined;
      if (end === "discarded") {
        this.#surroundings.log.info({ messageId }, "a message was discarded, as the policy wants");
        return { reply: given ?? usual, end, isUsual };
      }
      if (!(await this.#publish(checked))) {
        await this.discard();
        return { reply: notNow, end: "lost" };
      }
      return { reply: given ?? usual, end, isUsual };
    } catch (err) {
      if (!(err instanceof DeferError)) {
        // It may be on the bus all the same, so its content stays: the sweep takes what nobody refers to.
        this.#surroundings.log.error({ err, messageId }, "a message could not be taken");
        return { reply: notNow, end: "failed" };
      }
      this.#surroundings.log.warn({ err, messageId }, "a message could not be taken now");
      await this.discard();
      return { reply: err instanceof BusFullError ? noRoom : notNow, end: "failed" };
    } finally {
      this.#notes.tell();
      this.#release();
    }
  }

  /** Each recipient has had its own answer (PRDR), and none of them gets the message: then that is all that is told, as in Exim. */
  #isAnsweredByAll(wasForSomebody: boolean): boolean {
    const { envelope, acls } = this.#incoming;
    return wasForSomebody && acls.session.message.isPrdr && envelope.recipients.length === 0;
  }

  /** In the log, a message that is thrown away has come, and gone nowhere. */
  async #tellDiscarded(answer: AclAnswer | undefined): Promise<void> {
    const content = await this.#content.finish(this.#changedHeader().top);
    const item = this.#item(content, undefined, []);
    this.#notes.tell();
    this.#notes.clear();
    tellDiscarded(this.#incoming, receivedEvent(this.#incoming, item, this.#logged()), answer, this.#surroundings);
  }

  /** What becomes of a message by what the policy has said. */
  #endBy(answer: AclAnswer | undefined, isRefusal: boolean): EndOfMessage {
    if (isRefusal) return answer?.verdict === "drop" ? "dropped" : "refused";
    if (answer?.verdict === "discard" || this.#incoming.envelope.recipients.length === 0) return "discarded";
    return "taken";
  }

  /** The policy has asked about DMARC, and something follows from it. */
  get #hasJudgedDmarc(): boolean {
    return this.#incoming.envelope.facts.hasJudgedDmarc;
  }

  #concludeDmarc(end: EndOfMessage, code: number | undefined): Promise<DmarcChecked | undefined> {
    const ended = { messageId: this.messageId, receivedAtMs: this.#receivedAtMs, end, code };
    return concludeDmarc(this.#incoming, this.#surroundings, {
      ...ended,
      header: this.#content.header,
      fields: this.#fields,
    });
  }

  /** The message is not wanted, or its client is gone: nothing is left of it. */
  async discard(): Promise<void> {
    this.#release();
    try {
      await this.#content.discard();
    } catch (err) {
      // The sweep will take it.
      this.#surroundings.log.warn({ err, messageId: this.messageId }, "spooled content could not be removed");
    }
  }

  /** Shows the message to the policy. */
  #show(glance: BodyGlance): void {
    const { acls, envelope } = this.#incoming;
    const { policy } = this.#surroundings;
    const { lines } = this.#changedHeader();
    const { size, lines: lineCount, longestLine, zeros, start, end } = glance;
    const read = () => contentLines(this.#content, this.#surroundings.bus.spool, this.#content.header.length);
    const body = { size, lines: lineCount, longestLine, zeros, start, end, read };
    acls.content(receivedContent(lines, body));
    this.#body = body;
    envelope.facts.askAhead(policy.wantedFacts);
    if (policy.wantedFacts.bmi) this.#bmi?.askAhead();
  }

  /** The log tells of each signature, whether or not the policy asks about it. */
  get #tellsSignatures(): boolean {
    return this.#surroundings.policy.log.selectors.has("dkim_verbose");
  }

  async #tellSignatures(): Promise<void> {
    const { acls, envelope } = this.#incoming;
    if (acls.session.message.controls.isDkimOff === true) return;
    if (!this.#fields.some(({ name }) => name === "dkim-signature")) return;
    for (const signature of await envelope.facts.signaturesIfKnown()) this.#notes.add(signatureLine(signature));
  }

  /** What looks into the message. @returns what refuses it, or throws it away. */
  async #lookInto(stages: ContentStages, body: BodyView): Promise<AclAnswer | undefined> {
    const { acls } = this.#incoming;
    if (this.#tellsSignatures) await this.#tellSignatures();
    for (const stage of ["dkim", "mime"] as const) {
      const refusal = await stages[stage]();
      if (refusal !== undefined) return refusal;
      const { addedHeaders, removedHeaders } = acls.session.message;
      // What a stage has added is seen by those behind it.
      if (addedHeaders.length > 0 || removedHeaders.length > 0) {
        acls.content(receivedContent(this.#changedHeader().lines, body));
      }
    }
    return undefined;
  }

  /** What the policy says to the whole message; undefined: nothing that would have to be known. */
  async #judge(): Promise<Awaited<ReturnType<typeof judgeContent>> | undefined> {
    const { acls, envelope, say } = this.#incoming;
    const { message } = acls.session;
    if (this.#glance === undefined && !message.isPrdr && message.controls.fake === undefined) return undefined;
    const { bus, settings, policy } = this.#surroundings;
    // What is unpacked is there until the message has been judged.
    await using stages = new ContentStages({
      acls,
      policy,
      facts: envelope.facts,
      spool: bus.spool,
      scanRoot: scanRoot(settings.data),
      original: () => this.#content.original(),
    });
    const early = this.#body === undefined ? undefined : await this.#lookInto(stages, this.#body);
    if (early !== undefined) return { answer: early, reply: early.reply, isRefusal: !isAccepted(early) };
    if (this.#bmi?.isAsked === true) message.bmi = new BmiVerdicts(await this.#bmi.verdicts());
    const { prdr } = this.#surroundings.metrics;
    const judgement = await judgeContent(acls, {
      say,
      log: (text) => this.#notes.add(text),
      trace: ({ record: { stage }, verdict, isTemporary }) => {
        if (stage === "data_prdr") prdr.inc({ verdict: isTemporary ? "defer" : verdict });
      },
    });
    if (message.isPrdr) envelope.keep(new Set(message.recipients));
    return judgement;
  }

  /** @returns whether it is on the bus: not, if the client has left before. */
  async #publish(checked: DmarcChecked | undefined): Promise<boolean> {
    const { bus, metrics, policy } = this.#surroundings;
    const { envelope, acls, decisions } = this.#incoming;
    const finished = this.#content.finish(this.#changedHeader().top);
    const content = finished instanceof Promise ? await finished : finished;
    const known = envelope.facts.known();
    const facts = known === undefined ? undefined : await known;
    const bmiVerdicts = this.#bmi === undefined ? [] : await this.#bmi.verdictsAtEnd(content);

    const { messageId } = this;
    const item = this.#item(content, facts, bmiVerdicts);
    const startMs = performance.now();
    const id = firstItemId(messageId);
    const { controls } = acls.session.message;
    const asked = whenTried(controls, policy, (text) => this.#notes.add(text));
    const when: Awaited<typeof asked> = asked instanceof Promise ? await asked : asked;
    const received = receivedEvent(this.#incoming, item, this.#logged());
    // It will send it again (RFC 5321 §4.1.1.10), and what would come of both would be two messages.
    if (this.#incoming.isGone()) return false;
    const decided = decisions?.accepted(messageId, this.#receivedAtMs);
    await bus.publish({ subject: routeSubject(), id, messageId, header: item, content, ...when }, [
      ...this.#notes.held,
      received,
      ...(decided === undefined ? [] : [decided]),
      ...(checked === undefined ? [] : [checked]),
    ]);
    this.#notes.clear();
    if (controls.freeze?.tells === true) await tellOfFreezing(item, id, policy, this.#surroundings);
    metrics.publishSeconds.observe((performance.now() - startMs) / 1000);
    return true;
  }

  #item(content: Content, facts: Facts | undefined, bmiVerdicts: readonly string[]): RouteItem {
    const named = {
      messageId: this.messageId,
      receivedAtMs: this.#receivedAtMs,
      headerMessageId: messageIdOf(this.#content.header, this.#fields),
      tlsOptional: isTlsOptional(this.#content.header, this.#fields, (text) => this.#notes.add(text)),
    };
    return routeItem(this.#incoming, named, content, facts, bmiVerdicts);
  }

  /** What selectors want of the reception. */
  #logged(): LoggedReception {
    const { selectors } = this.#surroundings.policy.log;
    return loggedReception(this.#incoming, selectors, {
      tookMs: Date.now() - this.#receivedAtMs,
      subject: () => {
        const field = this.#fields.find(({ name }) => name === "subject");
        return field === undefined ? undefined : fieldValue(this.#content.header, field);
      },
    });
  }

  /** What the rejectlog shows of a message that is refused; undefined: nothing. */
  get rejectDetails(): string | undefined {
    const { log } = this.#surroundings.policy;
    if (!log.writesRejectlog || !log.selectors.has("rejected_header")) return undefined;
    const { returnPath } = this.#incoming.envelope;
    return rejectDetails(returnPath, this.#incoming.acls.session.message.recipients, this.#changedHeader().lines);
  }

  /** The header section with what ACLs have changed in it since the last call. */
  #changedHeader(): MessageHeader {
    const { message } = this.#incoming.acls.session;
    this.#header ??= this.#newHeader();
    if (message.hasAuthservIds) {
      const { authservIds } = this.#surroundings.policy;
      this.#removedIds ??= new Set(authservIds);
      const more = [...message.authservIds].filter((id) => this.#removedIds?.has(id) === false);
      for (const id of more) this.#removedIds.add(id);
      if (more.length > 0) this.#header.removeResults(more);
    }
    this.#header.change(message.addedHeaders, message.removedHeaders);
    message.settleHeaders();
    return this.#header;
  }

  #newHeader(): MessageHeader {
    const { header } = this.#content;
    const { policy, dates } = this.#surroundings;
    const { primaryHostname: hostname, authservIds, smtp } = policy;
    const clean = withoutUnwanted(header, this.#fields, { names: smtp.removedFields, authservIds });
    const arrival = { hostname, messageId: this.messageId, date: dates.at(this.#receivedAtMs) };
    return new MessageHeader(
      this.#ownReceived ?? receivedFieldOf(this.#incoming, arrival),
      clean,
      clean === header ? this.#fields : undefined,
      this.#mended,
    );
  }

  /** @throws {BusFullError} if all messages together take too much memory. */
  #account(): void {
    // What is still being written when the client goes away must not take room again that nobody would give back.
    if (this.#isOver) return;
    const { budget } = this.#surroundings;
    const held = this.#content.heldOctets + this.#collectedOctets + this.#fields.length * FIELD_OCTETS;
    const change = held - this.#takenOctets;
    if (change <= 0) budget.give(-change);
    else if (!budget.take(change)) throw new BusFullError("too many octets of messages in memory");
    this.#takenOctets += change;
  }

  #release(): void {
    this.#isOver = true;
    this.#surroundings.budget.give(this.#takenOctets);
    this.#takenOctets = 0;
  }
}
