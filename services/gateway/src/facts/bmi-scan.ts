import { type BmiAnswer, type BmiSetup, bmiVerdictsAbout, type Content, type ScanRequest } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Incoming } from "../incoming.ts";
import type { Surroundings } from "../surroundings.ts";
import { BmiGroups } from "./bmi-groups.ts";
import { scanClient } from "./scan-client.ts";
import { scannedHeader } from "./scanned-header.ts";

/** Characters of a line of the log. */
const MAX_LINE = 500;
/** Of the lines that one answer is good for. */
const MAX_WARNINGS = 20;

/** The message, when it is there. */
interface MessageAtHand {
  /** As it came. */
  original(): Promise<Content>;
  /** Octets of its header section as it came. */
  headerOctets(): number;
  /** The header section as ACLs have left it so far, each line with its name, folded with LF. */
  lines(): readonly string[];
}

/**
 * What is to become of a message, for each recipient, as BMI engines see it, if an ACL has said `control = bmi_run`. They are
 * asked once: before the first ACL that wants to know, or else when the message has been accepted, with all that ACLs have
 * added to it.
 */
export class BmiScan {
  readonly #setup: BmiSetup;
  readonly #incoming: Incoming;
  readonly #surroundings: Pick<Surroundings, "questions" | "policy">;
  readonly #message: MessageAtHand;
  #verdicts: Promise<readonly string[]> | undefined;

  constructor(
    setup: BmiSetup,
    incoming: Incoming,
    surroundings: Pick<Surroundings, "questions" | "policy">,
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
      const reason = err.message.slice(`${err.source}: `.length);
      session.log(["main", "panic"], `bmi error: ${reason}`.slice(0, MAX_LINE));
      if (this.#surroundings.policy.configuration.main.get("bmi_on_error") === "defer") throw err;
      return [];
    }
  }

  async #answer({ content, header }: Scanned): Promise<Pick<BmiAnswer, "verdicts" | "warnings">> {
    const setup = this.#setup;
    const { envelope, acls } = this.#incoming;
    const { bmiOptin } = acls.session.message.controls;
    const groups = new BmiGroups(
      setup,
      envelope.recipients.map((address) => ({ address, optin: [...(bmiOptin?.get(address) ?? [])] })),
    );
    const task = groups.task();
    const question: ScanRequest = {
      v: 2,
      messageId: acls.session.message.messageId,
      client: scanClient(acls.session),
      returnPath: envelope.returnPath,
      recipients: task.recipients.map(({ address }) => address),
      header,
      task,
      timeoutMs: Math.max(...setup.engines.map(({ timeoutMs }) => timeoutMs)),
    };
    const answer = await this.#surroundings.questions.scan(question, content);
    if (answer.engine !== "bmi") throw new DeferError("bmi", "an answer to another question");
    const unknown = groups.unknown.map((text) => `no profile has the opt-in string ${JSON.stringify(text)}`);
    return { verdicts: [...groups.expanded(answer.verdicts)], warnings: [...unknown, ...answer.warnings] };
  }

  async #asItCame(): Promise<Scanned> {
    const { original, headerOctets, lines } = this.#message;
    const content = await original();
    return { content, header: scannedHeader(lines(), headerOctets()) };
  }

  /** What is in memory is there as it came, too, and is known again when it is sent again. */
  async #asItLeaves(content: Content): Promise<Scanned> {
    return content.kind === "inline" ? this.#asItCame() : { content, header: { text: "", replaces: 0 } };
  }
}

interface Scanned {
  readonly content: Content;
  readonly header: ScanRequest["header"];
}
