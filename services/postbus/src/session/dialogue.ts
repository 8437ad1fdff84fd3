import { hasDomain, type Reply } from "@postbus/mail";
import {
  type AclAnswer,
  type AuthAnswer,
  type Configuration,
  changedHeader,
  fixSubmitted,
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
  /** Of senders and recipients without a domain. */
  readonly qualifyDomain: string;
  readonly qualifyRecipient: string;
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
        this.#settle("connection", await acls.connect());
        break;
      case "helo":
        this.#settle(`EHLO or HELO ${step.name}`, await acls.helo(step.name, step.isExtended));
        break;
      case "path":
        // Nothing is rewritten here: who looks on sees what ACLs say of addresses as they are given.
        this.#session.readPath(step.path);
        break;
      case "mail":
        this.#beginMessage();
        await this.#mail(step);
        break;
      case "recipient":
        await this.#recipient(step.address);
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
    const { acls, qualifyDomain } = this.#options;
    const returnPath = this.#qualified(step.returnPath, qualifyDomain);
    const { clientAddress, facts } = this.#options;
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

  async #recipient(given: string): Promise<void> {
    const address = this.#qualified(given);
    this.#settle(`RCPT <${address}>`, await this.#options.acls.recipient(address));
  }

  #qualified(address: string, domain = this.#options.qualifyRecipient): string {
    return address === "" || hasDomain(address) ? address : `${address}@${domain}`;
  }

  async #end(): Promise<void> {
    const { acls, bodyVisible } = this.#options;
    const { message } = acls.session;
    const given = this.#message.headerLines;
    const {
      gone,
      first = [],
      last = [],
      refusal,
    } = (await fixSubmitted(acls.session, given, await acls.text("$tod_full"))) ?? {};
    if (refusal !== undefined) {
      this.#session.finish(refusal, false, false);
      acls.reset();
      return;
    }
    const kept = given.filter((line) => gone?.has(line) !== true);
    const lines = [...(await this.#receivedLine()), ...first, ...kept, ...last];
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

  #settle(what: string, answer: AclAnswer): void {
    const { acls, trace } = this.#options;
    trace(answer);
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

const REFUSED: Reply = { code: 550, lines: ["Administrative prohibition"] };

/** What was refused, in Exim's words. */
const REFUSED_AT: Readonly<Record<string, string>> = { dkim: "DKIM ", mime: "during MIME ACL checks" };
