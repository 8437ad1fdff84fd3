import { mendHeader, type RewritingPolicy, rewriteArgument, rewriteEnvelope, type Unwanted } from "@postbus/gateway";
import { DeferError, hasDomain, type Reply } from "@postbus/mail";
import {
  type AclAnswer,
  type AuthAnswer,
  type Configuration,
  changedHeader,
  judgeContent,
  type SmtpAcls,
} from "@postbus/policy";
import { ServerSession, type SessionProfile, type SessionStep } from "@postbus/smtp";
import { contentStages } from "./content-stages.ts";
import { LineEnds } from "./line-ends.ts";
import { MessageInHand } from "./message-in-hand.ts";
import type { SessionFacts } from "./session-facts.ts";

export interface DialogueOptions {
  readonly profile: SessionProfile;
  readonly clientAddress: string;
  readonly acls: SmtpAcls;
  /** With the domains of senders and recipients that have none. */
  readonly rewriting: RewritingPolicy;
  /** What is taken out of a header section. */
  readonly unwanted: Unwanted;
  /** `received_header_text` */
  readonly receivedText: string;
  readonly bodyVisible: number;
  readonly configuration: Configuration;
  /** Where parts of messages are unpacked. */
  readonly scanDirectory: string;
  readonly facts: SessionFacts;
  readonly nextMessageId: () => string;
  /** Octets for the client. */
  write(text: string): void;
  /** What an ACL has decided. */
  trace(answer: AclAnswer): void;
  log(text: string): void;
}

/** An SMTP session with the ACLs of a policy, in which everything happens but that mail is taken. */
export class Dialogue {
  readonly #options: DialogueOptions;
  readonly #session: ServerSession;
  #message = new MessageInHand();
  #hasQuit = false;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#session = new ServerSession(options.profile, options.clientAddress);
  }

  /** The last verbs, for `$smtp_command_history`. */
  get commandHistory(): string {
    return this.#session.commandHistory;
  }

  /** Speaks until one of both has had enough. @param input What the client sends, with line ends of any kind. */
  async run(input: AsyncIterable<Buffer>): Promise<void> {
    const { acls, write } = this.#options;
    const lineEnds = new LineEnds();
    let isOver = await this.#pump();
    if (!isOver) {
      for await (const octets of input) {
        this.#session.receive(lineEnds.convert(octets));
        isOver = await this.#pump();
        if (isOver) break;
      }
    }
    write(this.#session.takeOutput());
    if (!this.#hasQuit && acls.has("notquit")) {
      this.#options.trace(await acls.notQuit(isOver ? "acl-drop" : "connection-lost"));
    }
  }

  /** @returns whether the session is over; else it wants more input. */
  async #pump(): Promise<boolean> {
    for (;;) {
      const step = this.#session.next();
      if (step.kind === "read" || step.kind === "close") {
        this.#options.write(this.#session.takeOutput());
        return step.kind === "close";
      }
      await this.#take(step);
    }
  }

  async #take(step: Exclude<SessionStep, { kind: "read" | "close" }>): Promise<void> {
    const { acls } = this.#options;
    const line = this.#session.commandLine;
    if (step.kind !== "header" && step.kind !== "content") acls.command(line, line.replace(/^\S*\s*/, ""));
    acls.session.connection.isExtended = this.#session.isExtended;
    switch (step.kind) {
      case "connect":
        this.#settle("connection", await acls.connect(), () => {
          const { receiveTimeoutMs: _, ...terms } = acls.session.connection.terms;
          this.#session.adopt(terms);
        });
        break;
      case "helo":
        this.#settle(`EHLO or HELO ${step.name}`, await acls.helo(step.name, step.isExtended));
        break;
      case "path":
        await this.#orLater(step.of, async () => {
          this.#session.readPath((await rewriteArgument(step.path, this.#options.rewriting, acls)) ?? step.path);
        });
        break;
      case "mail":
        this.#beginMessage();
        await this.#orLater("MAIL", () => this.#mail(step));
        break;
      case "recipient":
        await this.#orLater("RCPT", () => this.#recipient(step.address));
        break;
      case "data":
        if (step.isChunked) this.#session.accept();
        else this.#settle("DATA", await acls.predata());
        break;
      case "header":
        this.#message.header(step.octets);
        break;
      case "content":
        this.#message.body(step.octets);
        break;
      case "end":
        await this.#end();
        break;
      case "vrfy":
        await this.#vrfy(step.address);
        break;
      case "expn":
      case "etrn":
        this.#answerOther(step.kind, step.argument, await acls.other(step.kind));
        break;
      case "auth":
        this.#authenticate(await acls.authenticate(step.mechanism, step.initial));
        break;
      case "auth line":
        this.#authenticate(await acls.continueAuthentication(step.line));
        break;
      case "reset":
        acls.reset();
        break;
      case "quit": {
        const answer = await acls.other("quit");
        this.#options.trace(answer);
        this.#hasQuit = true;
        this.#session.respond(answer.reply);
        break;
      }
      case "error":
      case "refused":
        this.#options.log(`rejected "${step.command}": ${step.reply.lines.join(" ")}`);
        break;
      case "starttls":
      case "handshake":
        throw new Error("STARTTLS, which is not offered");
      case "xclient":
        throw new Error("XCLIENT, which is not offered");
      default:
        throw new Error(`unhandled step: ${JSON.stringify(step satisfies never)}`);
    }
  }

  #beginMessage(): void {
    const { acls, nextMessageId } = this.#options;
    const { message } = acls.session;
    message.messageId = nextMessageId();
    message.receivedAtMs = Date.now();
    this.#message = new MessageInHand();
  }

  async #mail(step: Extract<SessionStep, { kind: "mail" }>): Promise<void> {
    const { acls, rewriting, clientAddress, facts } = this.#options;
    const given = this.#qualified(step.returnPath, rewriting.qualifyDomain);
    const returnPath = (await rewriteEnvelope(given, "F", rewriting, acls)) ?? given;
    facts.begin({ clientAddress, helo: this.#session.helo, returnPath });
    this.#settle(
      `MAIL <${returnPath}>`,
      await acls.mail({
        ...step,
        returnPath,
        isSmtpUtf8: step.smtpUtf8 === true,
        isPrdr: step.prdr === true,
        isRequireTls: step.requireTls === true,
      }),
    );
  }

  async #recipient(path: string): Promise<void> {
    const { acls, rewriting } = this.#options;
    const given = this.#qualified(path);
    const address = (await rewriteEnvelope(given, "T", rewriting, acls)) ?? given;
    this.#settle(`RCPT <${address}>`, await acls.recipient(address));
  }

  /** An address that cannot be rewritten now. */
  async #orLater(what: "MAIL" | "RCPT", action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof DeferError)) throw error;
      this.#options.log(`temporarily rejected ${what}: ${error.message}`);
      this.#session.refuse(LATER);
    }
  }

  #qualified(address: string, domain = this.#options.rewriting.qualifyRecipient): string {
    return address === "" || hasDomain(address) ? address : `${address}@${domain}`;
  }

  async #end(): Promise<void> {
    const { acls, bodyVisible, rewriting, unwanted } = this.#options;
    const { message } = acls.session;
    const given = this.#message.headerLines(unwanted);
    const { changed, gone, first, last, refusal } = await mendHeader(
      given,
      rewriting,
      acls,
      await acls.text("$tod_full"),
    );
    if (refusal !== undefined) {
      this.#session.finish(refusal, false, false);
      acls.reset();
      return;
    }
    const kept = [...first, ...given.filter((line) => !gone.has(line)), ...last];
    const mended = kept.map((line) => changed.get(line) ?? line).filter((line) => line !== "");
    const lines = [...(await this.#receivedLine()), ...mended];
    const header = changedHeader(lines, message.addedHeaders, message.removedHeaders);
    message.settleHeaders();
    acls.content(this.#message.content(header, bodyVisible));
    const content = this.#message;
    const { facts } = this.#options;
    facts.contentIsThere(message.messageId, content.octets, content.headerOctets);
    const early = await contentStages({
      ...this.#options,
      source: content.source,
      signatures: () => facts.signatures(),
    });
    this.#showHeader(header);
    const { trace, log } = this.#options;
    const say = (reply: Reply): undefined => void this.#session.progress(reply);
    const { answer, reply } =
      early === undefined ? await judgeContent(acls, { say, log, trace }) : { answer: early, reply: early.reply };
    const isRefused = answer !== undefined && answer.verdict !== "accept" && answer.verdict !== "discard";
    if (isRefused) this.#logRefusal(REFUSED_AT[answer.record.stage] ?? "after DATA", answer);
    const usual: Reply = isRefused ? REFUSED : { code: 250, lines: [`OK id=${message.messageId}`] };
    this.#session.finish(reply ?? usual, answer?.verdict === "drop", !isRefused && reply === undefined);
    acls.reset();
  }

  /** What ACLs have changed in the header since. */
  #showHeader(before: readonly string[]): void {
    const { acls, bodyVisible } = this.#options;
    const { message } = acls.session;
    if (message.addedHeaders.length === 0 && message.removedHeaders.length === 0) return;
    const header = changedHeader(before, message.addedHeaders, message.removedHeaders);
    message.settleHeaders();
    acls.content(this.#message.content(header, bodyVisible));
  }

  /** Our own trace field, as policies see it. */
  async #receivedLine(): Promise<string[]> {
    const { acls, receivedText } = this.#options;
    const text = await acls.text(receivedText);
    return text === "" ? [] : [`${text}; ${await acls.text("$tod_full")}\n`];
  }

  /** @param prepare Before the answer. */
  #settle(what: string, answer: AclAnswer, prepare?: () => void): void {
    const { acls, trace } = this.#options;
    trace(answer);
    prepare?.();
    // What is typed ahead is there at once, whatever the policy says of it.
    // The client was given with the command, and stays.
    this.#session.standing = { ...{ ...acls.session.connection.standing, enforcesSync: false }, mayXclient: false };
    if (answer.verdict === "accept" || answer.verdict === "discard") this.#session.accept(answer.reply);
    else {
      this.#logRefusal(what, answer);
      this.#session.refuse(answer.reply ?? REFUSED, answer.verdict === "drop", answer.ownLines);
    }
  }

  #authenticate(answer: AclAnswer | AuthAnswer): void {
    if ("verdict" in answer) {
      this.#options.trace(answer);
      this.#logRefusal("AUTH", answer);
      this.#session.authenticationEnded(answer.reply ?? REFUSED, "denied", answer.verdict === "drop");
    } else if (answer.kind === "challenge") {
      this.#session.challenge(answer.text);
    } else if (answer.kind === "unknown") {
      this.#session.authenticationEnded(answer.reply, "unknown");
    } else {
      if (answer.log !== undefined)
        this.#options.acls.session.log(["main", "reject"], answer.log.text, { before: answer.log.before });
      this.#session.authenticationEnded(answer.reply, answer.isAuthenticated ? "authenticated" : "refused");
    }
  }

  async #vrfy(given: string): Promise<void> {
    const { acls, trace } = this.#options;
    const answer = await acls.vrfy(this.#qualified(given));
    trace(answer);
    if (answer.verdict !== "accept") this.#logRefusal(`VRFY ${given}`, answer);
    this.#session.respond(answer.reply ?? REFUSED, answer.verdict === "drop");
  }

  #answerOther(kind: "expn" | "etrn", argument: string, answer: AclAnswer): void {
    this.#options.trace(answer);
    const isAccepted = answer.verdict === "accept";
    if (!isAccepted) this.#logRefusal(`${kind.toUpperCase()} ${argument}`, answer);
    const done: Reply =
      kind === "etrn" ? { code: 250, lines: ["OK"] } : { code: 252, lines: ["nothing is expanded here"] };
    this.#session.respond(answer.reply ?? done, answer.verdict === "drop");
  }

  #logRefusal(what: string, answer: AclAnswer): void {
    const reason = answer.log === undefined ? "" : `: ${answer.log}`;
    this.#options.log(`${answer.isTemporary ? "temporarily " : ""}rejected ${what}${reason}`);
  }
}

const LATER: Reply = { code: 451, lines: ["Temporary local problem - please try later"] };
const REFUSED: Reply = { code: 550, lines: ["Administrative prohibition"] };

/** What was refused, in Exim's words. */
const REFUSED_AT: Readonly<Record<string, string>> = { dkim: "DKIM ", mime: "during MIME ACL checks" };
