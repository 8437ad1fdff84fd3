import { encodeXtext } from "@postbus/mail";
import type { AuthAnswer, AuthDialogue } from "../../authenticators/auth-dialogue.ts";
import { type OfferedAuthenticators, unknownMechanism } from "../../authenticators/offered-authenticators.ts";
import { type Eventual, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { AclStage } from "../../options/acl/stage.ts";
import type { Acls } from "../acls.ts";
import type { AclAnswer } from "../answer.ts";
import { messageLines } from "../message-lines.ts";
import { runStage } from "../run-stage.ts";
import type { AclSession } from "../session.ts";
import type { AdvertiseLists } from "./advertise-lists.ts";
import { beginRecipient, endRecipient } from "./asked-recipient.ts";
import { type ClientLists, consultClientLists } from "./client-lists.ts";
import type { CommandDelays } from "./command-delays.ts";
import type { TlsView } from "./connection.ts";
import type { ExpandedOptions } from "./expanded-options.ts";
import type { HeloChecks } from "./helo-checks.ts";
import { lookUpHostName } from "./host-name.ts";
import type { ReceivedContent } from "./message.ts";
import type { SmtpParts } from "./smtp-parts.ts";
import { verifiedReply } from "./verified-reply.ts";

/** What MAIL has said. */
export interface MailArguments {
  /** Empty: the null reverse-path. */
  readonly returnPath: string;
  readonly size?: number | undefined;
  readonly isPrdr?: boolean;
  readonly isSmtpUtf8?: boolean;
  readonly isRequireTls?: boolean;
  /** AUTH=, decoded; empty: `<>`. */
  readonly authenticatedSender?: string | undefined;
}

/**
 * The ACLs of one SMTP session: each call is one stage. Whoever speaks SMTP asks here what to answer, in the order of the
 * commands; what has to be remembered from one command to the next is remembered here.
 */
export class SmtpAcls {
  readonly session: AclSession;
  readonly #acls: Acls;
  readonly #lists: ClientLists | undefined;
  readonly #expanded: ExpandedOptions | undefined;
  readonly #advertised: AdvertiseLists | undefined;
  readonly #heloChecks: HeloChecks | undefined;
  readonly #delays: CommandDelays | undefined;
  readonly #authenticators: OfferedAuthenticators | undefined;
  /** The AUTH command that is not answered yet. */
  #dialogue: AuthDialogue | undefined;
  #mailCount = 0;
  #isNewInTls = false;
  /** The last HELO or EHLO that was accepted. */
  #greeting = { helo: "", isExtended: false };

  constructor(
    session: AclSession,
    acls: Acls,
    { lists, expanded, advertised, heloChecks, delays, authenticators }: Partial<SmtpParts> = {},
  ) {
    this.session = session;
    this.#acls = acls;
    this.#lists = lists;
    this.#expanded = expanded;
    this.#advertised = advertised;
    this.#heloChecks = heloChecks;
    this.#delays = delays;
    this.#authenticators = authenticators;
  }

  /** The command that is answered next: `$smtp_command`. */
  command(text: string, argument: string): void {
    this.session.command = { text, argument };
  }

  /** The client's name is looked up if `host_lookup` says so, or an ACL mentions it. */
  connect(): Eventual<AclAnswer> {
    const { session } = this;
    return then(this.#acls.mentions("sender_host_name") ? lookUpHostName(session) : undefined, () =>
      then(this.#lists && consultClientLists(this.#lists, session), () => {
        if (session.connection.isRefused) return REJECTED;
        return then(this.#expanded?.settle(session), (problem) => {
          if (problem === undefined) return this.#run("connect");
          session.log(["main", "panic"], problem);
          return { ...UNSETTLED, log: problem };
        });
      }),
    );
  }

  /** HELO or EHLO. What was said before is forgotten if it is accepted, and in force if it is not (RFC 5321 §4.1.4). */
  helo(name: string, isExtended: boolean): Eventual<AclAnswer> {
    return then(this.#authenticateByCertificate(), () => this.#greeted(name, isExtended));
  }

  /** Once behind each handshake, if `acl_smtp_auth` lets it. */
  #authenticateByCertificate(): Eventual<void> {
    const authenticators = this.#authenticators;
    if (!this.#isNewInTls || authenticators === undefined) return undefined;
    this.#isNewInTls = false;
    const { session } = this;
    if (!authenticators.isCertificateEnough(session)) return undefined;
    return then(this.#acls.has("auth") ? this.#run("auth") : undefined, (answer) =>
      answer === undefined || isAccepted(answer) ? authenticators.byCertificate(session) : undefined,
    );
  }

  #greeted(name: string, isExtended: boolean): Eventual<AclAnswer> {
    const { connection } = this.session;
    const before = { ...this.#greeting, heloIsVerified: connection.heloIsVerified };
    connection.helo = name;
    connection.isExtended = isExtended;
    connection.heloIsVerified = undefined;
    const checked = this.#heloChecks?.check(this.session);
    return then(
      then(checked, (refusal) => refusal ?? this.#run("helo")),
      (answer) => {
        if (!isAccepted(answer)) {
          Object.assign(connection, before);
          return answer;
        }
        this.#greeting = { helo: name, isExtended };
        this.session.reset();
        return then(this.#advertised?.consult(this.session), () =>
          then(this.#authenticators?.offer(this.session), () => answer),
        );
      },
    );
  }

  /** AUTH, whose ACL may let it go on. @param mechanism As the client has written it. @param initial base64. */
  authenticate(mechanism: string, initial: string | undefined): Eventual<AclAnswer | AuthAnswer> {
    // Until it has succeeded, as in Exim.
    this.session.connection.hasFailedToAuthenticate = true;
    return then<AclAnswer, AclAnswer | AuthAnswer>(this.#run("auth"), (answer) => {
      if (!isAccepted(answer)) return answer;
      const begun = this.#authenticators?.begin(mechanism, initial, this.session);
      this.#dialogue = begun?.dialogue;
      return begun?.answer ?? { kind: "unknown", reply: unknownMechanism(mechanism) };
    });
  }

  /** A line of the client's behind a challenge. */
  continueAuthentication(line: string): Eventual<AuthAnswer> {
    if (this.#dialogue === undefined) throw new Error("an answer to no challenge");
    return this.#dialogue.next(line);
  }

  /** MAIL. Whom the client says it speaks for is asked about first. */
  mail(said: MailArguments): Eventual<AclAnswer> {
    this.#mailCount += 1;
    return then(this.#delays?.wait("mail", this.#mailCount, this.session), () => this.#believedMail(said));
  }

  #believedMail(said: MailArguments): Eventual<AclAnswer> {
    const { authenticatedSender = "" } = said;
    if (authenticatedSender === "") return this.#mail(said);
    const { session } = this;
    session.message.authenticatedSender = authenticatedSender;
    return then(this.#acls.has("mailauth") ? this.#run("mailauth") : undefined, (answer) => {
      if (answer?.isTemporary === true) {
        session.reset();
        return answer;
      }
      const isBelieved = answer === undefined ? session.connection.authentication !== undefined : isAccepted(answer);
      if (!isBelieved) {
        session.message.authenticatedSender = undefined;
        const why = answer === undefined ? "client not authenticated" : "rejected by ACL";
        session.log(["main"], ` (${why})`, { before: `ignoring AUTH=${encodeXtext(authenticatedSender)} from H=` });
      }
      return this.#mail(said);
    });
  }

  #mail(said: MailArguments): Eventual<AclAnswer> {
    const { returnPath, size, isPrdr = false, isSmtpUtf8 = false, isRequireTls = false } = said;
    const { message } = this.session;
    message.returnPath = returnPath;
    message.size = size;
    message.isPrdr = isPrdr;
    message.isSmtpUtf8 = isSmtpUtf8;
    message.isRequireTls = isRequireTls;
    // Who asks without a reset between two MAILs must not meet what the first one has said.
    if (isRequireTls) message.controls.requiresTls = true;
    else delete message.controls.requiresTls;
    return then(this.#run("mail"), (answer) => {
      // As in Exim, nothing of it is left for the next one.
      if (!isAccepted(answer)) this.session.reset();
      message.isDiscarded = answer.verdict === "discard";
      message.whyDiscarded = answer.log;
      return answer;
    });
  }

  /** RCPT. An accepted recipient is added to the message's, a discarded one is not. */
  recipient(address: string): Eventual<AclAnswer> {
    const { session } = this;
    const { message } = session;
    message.rcptCount += 1;
    const answer = then(this.#delays?.wait("rcpt", message.rcptCount, session), () => {
      beginRecipient(address, session);
      // What was thrown away at MAIL is not looked at any more.
      return message.isDiscarded ? { ...DISCARDED, log: message.whyDiscarded } : this.#run("rcpt");
    });
    return then(answer, (decided) => {
      endRecipient(this.session);
      if (decided.verdict === "accept") message.recipients.push(address);
      // As in Exim, with whom the session ends was not refused for good.
      else if (decided.isTemporary || decided.verdict === "drop") message.rcptDeferCount += 1;
      else message.rcptFailCount += 1;
      const { bmiOptin } = message.controls;
      // Who is not accepted has opted in to nothing.
      if (bmiOptin !== undefined && !message.recipients.includes(address)) bmiOptin.delete(address);
      if (decided.verdict === "discard" && message.isPrdr) {
        message.discardedRecipients.push({ address, before: message.recipients.length });
      }
      return decided;
    });
  }

  predata(): Eventual<AclAnswer> {
    return this.#run("predata");
  }

  /** One part of the message, or one signature of it: the owner has set the variables. */
  part(stage: "mime" | "dkim"): Eventual<AclAnswer> {
    return this.#run(stage);
  }

  /** The content is there. */
  content(content: ReceivedContent): void {
    const { message } = this.session;
    message.content = content;
    message.size = content.size;
  }

  /**
   * Each recipient of a transaction with an answer for each (PRDR), behind `content`, in their order. Who is not accepted is
   * no recipient any more. Who was discarded at RCPT has been accepted to the client, so there is an answer, too. Where the
   * ACL lets them, they do not wait for each other.
   */
  async *recipientsOfContent(): AsyncGenerator<{ readonly address: string; readonly answer: AclAnswer }> {
    const { recipients, discardedRecipients } = this.session.message;
    const addresses = [...recipients];
    const discarded = [...discardedRecipients];
    const atOnce = this.#acls.isIndependent("data_prdr") ? MAX_AT_ONCE : 1;
    const running: Promise<AskedAbout>[] = [];
    for (const [index, address] of addresses.entries()) {
      while ((discarded[0]?.before ?? Infinity) <= index) yield thrownAway(discarded.shift());
      while (running.length < atOnce && index + running.length < addresses.length) {
        const asked = this.#askAbout(addresses[index + running.length] ?? "", atOnce > 1);
        // Whoever is waited for says it; the others are not to end the process before.
        asked.catch(() => undefined);
        running.push(asked);
      }
      const next = await running.shift();
      if (next === undefined) throw new Error("a recipient without an answer");
      const { answer, own } = next;
      if (own !== this.session) this.session.join(own);
      if (answer.verdict !== "accept") recipients.splice(recipients.indexOf(address), 1);
      yield { address, answer };
    }
    while (discarded.length > 0) yield thrownAway(discarded.shift());
  }

  async #askAbout(address: string, isBesideOthers: boolean): Promise<AskedAbout> {
    const { session } = this;
    const own = isBesideOthers ? session.fork() : session;
    beginRecipient(address, own);
    const answer = await runStage("data_prdr", own, this.#acls);
    endRecipient(own);
    return { answer, own };
  }

  /** The message as a whole, behind `content`. A faked refusal is an acceptance with the reply of a refusal. */
  data(): Eventual<AclAnswer> {
    const { session } = this;
    const { message } = session;
    // Nobody is left who would get it.
    const answer = message.recipients.length === 0 ? DISCARDED : this.#run("data");
    return then(answer, (decided) => {
      const { fake } = message.controls;
      if (fake === undefined || !isAccepted(decided)) return decided;
      return { ...decided, reply: { code: fake.code, lines: messageLines(fake.text) } };
    });
  }

  /**
   * `domains` and `local_parts` are of the address that is asked about. The ACL only lets the question through: routing
   * answers it.
   */
  vrfy(address: string): Eventual<AclAnswer> {
    beginRecipient(address, this.session);
    return then(this.#run("vrfy"), (answer) => {
      endRecipient(this.session);
      if (!isAccepted(answer)) return answer;
      return then(verifiedReply(address, this.session), (reply) => ({ ...answer, reply }));
    });
  }

  other(stage: "expn" | "etrn" | "starttls" | "quit"): Eventual<AclAnswer> {
    return this.#run(stage);
  }

  /** The session has ended otherwise than by QUIT. */
  notQuit(reason: string): Eventual<AclAnswer> {
    this.session.connection.notQuitReason = reason;
    return this.#run("notquit");
  }

  /** An option of the main section, expanded in this session. One that cannot be expanded is empty, and logged. */
  async text(source: string): Promise<string> {
    const { session } = this;
    try {
      return textOf(await compileExpansion(source).run(session.evaluation));
    } catch (error) {
      if (error instanceof ForcedFailure) return "";
      const reason = failureText(error);
      if (reason === undefined) throw error;
      session.log(["main", "panic"], `failed to expand "${source}": ${reason}`);
      return "";
    }
  }

  /** The handshake is done. What the client has said before is forgotten, but for `acl_c` variables (RFC 3207 §4.2). */
  secured(tls: TlsView): void {
    const { connection } = this.session;
    connection.tls = tls;
    this.#isNewInTls = true;
    // RFC 3207 §4.2: what was said in clear text is forgotten.
    connection.authentication = undefined;
    connection.authenticators = [];
    connection.heloIsVerified = undefined;
    this.#greeting = { helo: "", isExtended: false };
    Object.assign(connection, this.#greeting);
    this.reset();
  }

  /** RSET, the end of a message. */
  reset(): void {
    this.session.reset();
  }

  /** Whether the policy has something to say about a stage. */
  has(stage: AclStage): boolean {
    return this.#acls.has(stage);
  }

  #run(stage: AclStage): Eventual<AclAnswer> {
    return runStage(stage, this.session, this.#acls);
  }
}

/** A recipient's answer, and the session in which it was found. */
interface AskedAbout {
  readonly answer: AclAnswer;
  readonly own: AclSession;
}

/** Of the recipients of one message, asked about beside each other. */
const MAX_AT_ONCE = 20;

const thrownAway = (recipient: { readonly address: string } | undefined) => ({
  address: recipient?.address ?? "",
  answer: DISCARDED,
});

const isAccepted = ({ verdict }: AclAnswer): boolean => verdict === "accept" || verdict === "discard";

/** Exim's words for `host_reject_connection`. */
const REJECTED: AclAnswer = {
  verdict: "drop",
  reply: { code: 554, lines: ["SMTP service not available"] },
  isTemporary: false,
  log: "host_reject_connection",
  logTargets: undefined,
  record: { stage: "connect", verdict: "no", statements: [], log: "host_reject_connection" },
};

/** An option about this client cannot be expanded. */
const UNSETTLED: AclAnswer = {
  verdict: "drop",
  reply: { code: 421, lines: ["Temporary local problem - please try later"] },
  isTemporary: true,
  log: undefined,
  logTargets: undefined,
  record: { stage: "connect", verdict: "defer", statements: [], log: undefined },
};

const DISCARDED: AclAnswer = {
  verdict: "discard",
  reply: undefined,
  isTemporary: false,
  log: undefined,
  logTargets: undefined,
  record: { stage: "rcpt", verdict: "discard", statements: [], log: "discarded" },
};
