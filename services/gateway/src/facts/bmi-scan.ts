import {
  type BmiAnswer,
  type BmiSetup,
  type BmiTask,
  bmiVerdictsAbout,
  type Content,
  ScanAnswer,
  type ScanRequest,
  scanSubject,
} from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { textOf } from "@postbus/policy";
import { Compile } from "typebox/compile";
import type { Incoming } from "../incoming.ts";
import type { Top } from "../message-content.ts";
import type { Surroundings } from "../surroundings.ts";

const answers = Compile(ScanAnswer);

/** For the way to scanner and back. */
const MARGIN_MS = 2_000;
/** Of the recipients in one question: it must fit into a message of the bus, beside content and header section. */
const MAX_RECIPIENT_OCTETS = 192 * 1024;
/** Characters of a line of the log. */
const MAX_LINE = 500;
/** Of the lines that one answer is good for. */
const MAX_WARNINGS = 20;

/** The message, when it is there. */
interface MessageAtHand {
  /** As it came. */
  original(): Promise<Content>;
  /** Its header section. */
  originalHeader(): Buffer;
  /** The header section as ACLs have left it so far. */
  top(): Top;
}

/**
 * What is to become of a message, for each recipient, as BMI engines see it, if an ACL has said `control = bmi_run`. They are
 * asked once: before the first ACL that wants to know, or else when the message has been accepted, with all that ACLs have
 * added to it.
 */
export class BmiScan {
  readonly #setup: BmiSetup;
  readonly #incoming: Incoming;
  readonly #surroundings: Pick<Surroundings, "bus" | "policy">;
  readonly #message: MessageAtHand;
  #verdicts: Promise<readonly string[]> | undefined;

  constructor(
    setup: BmiSetup,
    incoming: Incoming,
    surroundings: Pick<Surroundings, "bus" | "policy">,
    message: MessageAtHand,
  ) {
    this.#setup = setup;
    this.#incoming = incoming;
    this.#surroundings = surroundings;
    this.#message = message;
  }

  get isAsked(): boolean {
    return this.#verdicts !== undefined;
  }

  /** An ACL will want to know. */
  askAhead(): void {
    if (!this.#isWanted) return;
    this.#verdicts ??= this.#ask(() => this.#asItCame());
    // Whoever waits for it hears of what goes wrong.
    this.#verdicts.catch(() => undefined);
  }

  /**
   * The verdicts about the recipients that are left. None, if nobody has asked, or if it could not be found out and the message
   * is to be delivered all the same.
   *
   * @throws {DeferError} it is not to be.
   */
  async verdicts(): Promise<readonly string[]> {
    const all = await this.#verdicts;
    const recipients = this.#incoming.envelope.recipients.map((address) => ({ address }));
    return all === undefined ? [] : bmiVerdictsAbout(all, recipients);
  }

  /** The same, of the message as it leaves. */
  async verdictsAtEnd(content: Content): Promise<readonly string[]> {
    if (this.#isWanted) this.#verdicts ??= this.#ask(() => this.#asItLeaves(content));
    return this.verdicts();
  }

  get #isWanted(): boolean {
    return this.#incoming.acls.session.message.controls.runsBmi === true;
  }

  async #ask(scanned: () => Promise<Scanned>): Promise<readonly string[]> {
    const { session } = this.#incoming.acls;
    try {
      const { verdicts, warnings } = await this.#answer(await scanned());
      for (const warning of warnings.slice(0, MAX_WARNINGS))
        session.log(["main"], `bmi: ${warning}`.slice(0, MAX_LINE));
      return verdicts;
    } catch (err) {
      if (!(err instanceof DeferError)) throw err;
      session.log(["main", "panic"], `bmi error: ${err.message}`.slice(0, MAX_LINE));
      if (this.#surroundings.policy.configuration.main.get("bmi_on_error") === "defer") throw err;
      return [];
    }
  }

  /** Of many recipients, some at a time. */
  async #answer(scanned: Scanned): Promise<Pick<BmiAnswer, "verdicts" | "warnings">> {
    const { bmiOptin } = this.#incoming.acls.session.message.controls;
    const { recipients } = this.#incoming.envelope;
    const all = recipients.map((address) => ({ address, optin: [...(bmiOptin?.get(address) ?? [])] }));
    const answers: BmiAnswer[] = [];
    for (const some of parts(all)) answers.push(await this.#answerFor(some, scanned));
    return {
      verdicts: answers.flatMap(({ verdicts }) => verdicts),
      warnings: answers.flatMap(({ warnings }) => warnings),
    };
  }

  async #answerFor(recipients: BmiTask["recipients"], { content, header }: Scanned): Promise<BmiAnswer> {
    const setup = this.#setup;
    const { client, envelope, acls } = this.#incoming;
    const { message, connection } = acls.session;
    const { hostName = "", authentication } = connection;
    const timeoutMs = Math.max(...setup.engines.map((engine) => engine.timeoutMs));
    const request: ScanRequest = {
      v: 2,
      messageId: message.messageId,
      client: {
        ...{ address: client.address, helo: client.helo },
        ...(hostName === "" ? {} : { name: hostName }),
        ...(authentication === undefined ? {} : { authenticatedId: textOf(authentication.id) }),
      },
      returnPath: envelope.returnPath,
      recipients: recipients.map(({ address }) => address),
      header,
      task: { engine: "bmi", setup, recipients },
      timeoutMs,
    };
    const { bus } = this.#surroundings;
    const options = { timeoutMs: timeoutMs + MARGIN_MS, content };
    const answer = await bus.request(scanSubject, request, options).catch((cause: unknown) => {
      throw new DeferError("scanner", "no answer", { cause });
    });
    if (!answers.Check(answer)) throw new DeferError("scanner", "an answer that does not fit its contract");
    if (answer.state === "failed") throw new DeferError("scanner", answer.reason);
    const { verdict } = answer;
    if (verdict.engine !== "bmi") throw new DeferError("scanner", "an answer to another question");
    return verdict;
  }

  async #asItCame(): Promise<Scanned> {
    const content = await this.#message.original();
    return { content, header: this.#headerFor(this.#message.originalHeader().length) };
  }

  /** What is in memory is there as it came, too, and is known again when it is sent again. */
  async #asItLeaves(content: Content): Promise<Scanned> {
    if (content.kind === "inline") return this.#asItCame();
    const { trace, header } = this.#message.top();
    return { content, header: this.#headerFor(trace.length + header.length) };
  }

  #headerFor(replaces: number): ScanRequest["header"] {
    const { trace, header } = this.#message.top();
    return { text: trace.toString("latin1") + header.toString("latin1"), replaces };
  }
}

/** As many recipients together as there is room for in a question. */
function parts(recipients: BmiTask["recipients"]): BmiTask["recipients"][] {
  const all: BmiTask["recipients"][] = [];
  let octets = Number.POSITIVE_INFINITY;
  for (const recipient of recipients) {
    const size = JSON.stringify(recipient).length;
    octets += size;
    if (octets > MAX_RECIPIENT_OCTETS) {
      all.push([]);
      octets = size;
    }
    all.at(-1)?.push(recipient);
  }
  return all;
}

interface Scanned {
  readonly content: Content;
  readonly header: ScanRequest["header"];
}
