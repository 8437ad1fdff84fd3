import type { Decided } from "@postbus/contracts";
import type { AclAnswer, DecisionListener, DecisionRecord } from "@postbus/policy";
import { decisionStage, type KeptDecision, keptDecision } from "./decision-stage.ts";

/** Which messages are recorded: all, those of which something was refused or thrown away, none. */
export type DecisionsWanted = "all" | "refused" | "none";

/** What `SessionDecisions` needs to know of its connection at the time. */
export interface DecisionsClient {
  readonly address: string;
  readonly helo: string;
  readonly returnPath: string | undefined;
  /** That which is asked about. */
  readonly recipient: string | undefined;
}

export interface DecisionsDeps {
  readonly client: DecisionsClient;
  readonly policyVersion: string;
  readonly wanted: DecisionsWanted;
  readonly messageIds: { next(): string };
  readonly nowMs: () => number;
  /** Takes what no message goes with; it may be dropped. */
  readonly record: (event: Decided) => void;
}

type Stage = DecisionRecord["stage"];

const OF_CONNECTION: ReadonlySet<Stage> = new Set(["connect", "helo", "starttls", "auth"]);
const OF_RECIPIENT: ReadonlySet<Stage> = new Set(["rcpt", "data_prdr", "mime", "dkim"]);
const OF_MESSAGE: ReadonlySet<Stage> = new Set([...OF_RECIPIENT, "mailauth", "mail", "predata", "data"]);

/** Decisions of stages that are run again and again for one message. */
const MAX_REPEATED = 30;
/** Recipients that the record of a refusal names. */
const MAX_RECIPIENTS = 30;
/** Of one record, about: it travels with each message. */
const MAX_OCTETS = 16_384;

/** What the ACLs of one session have decided, until it is told: once for each message, or transaction without one. */
export class SessionDecisions implements DecisionListener {
  readonly #deps: DecisionsDeps;
  /** The last of each kind. */
  readonly #ofConnection = new Map<Stage, KeptDecision>();
  #ofMessage: KeptDecision[] = [];
  #repeated = 0;
  #omitted = 0;
  /** Something was refused that has not been told. */
  #hasRefused = false;

  constructor(deps: DecisionsDeps) {
    this.#deps = deps;
  }

  nowMs(): number {
    return performance.now();
  }

  decided(answer: AclAnswer, tookUs: number): void {
    const { stage } = answer.record;
    const isOfConnection = OF_CONNECTION.has(stage);
    if (!isOfConnection && !OF_MESSAGE.has(stage)) return;
    if (answer.verdict === "refuse" || answer.verdict === "drop") this.#hasRefused = true;
    const { recipient } = this.#deps.client;
    const kept = keptDecision(answer, stage === "rcpt" || stage === "data_prdr" ? recipient : undefined, tookUs);
    if (isOfConnection) {
      // The last one last.
      this.#ofConnection.delete(stage);
      this.#ofConnection.set(stage, kept);
      return;
    }
    if (OF_RECIPIENT.has(stage) && ++this.#repeated > MAX_REPEATED) this.#omitted += 1;
    else this.#ofMessage.push(kept);
  }

  /** The message is accepted. @returns The event to go with it; undefined: it is not wanted. */
  accepted(messageId: string, atMs: number): Decided | undefined {
    const { wanted } = this.#deps;
    const isWanted = wanted === "all" || (wanted === "refused" && this.#hasRefused);
    const event = isWanted ? this.#event(messageId, atMs, "accepted") : undefined;
    this.#forget();
    return event;
  }

  /** Nothing will be delivered of the message, and whoever looks for it by its id shall learn why. */
  ended(messageId: string, outcome: "refused" | "discarded"): void {
    this.#tell(messageId, outcome);
  }

  /** The transaction is over, or the connection: what was refused is told if no message has told it. */
  end(): void {
    if (this.#hasRefused) this.#tell(this.#deps.messageIds.next(), "refused");
    else if (this.#ofMessage.length > 0) this.#forget();
  }

  #tell(messageId: string, outcome: "refused" | "discarded"): void {
    const { client, nowMs, record } = this.#deps;
    const { address, helo, returnPath } = client;
    const recipients = new Set(this.#ofMessage.flatMap(({ about }) => about ?? []));
    record({
      ...this.#event(messageId, nowMs(), outcome),
      clientAddress: address,
      ...(helo === "" ? {} : { helo }),
      ...(returnPath === undefined ? {} : { returnPath }),
      recipients: [...recipients].slice(0, MAX_RECIPIENTS),
    });
    this.#forget();
  }

  #event(messageId: string, atMs: number, outcome: Decided["outcome"]): Decided {
    const room = { octets: MAX_OCTETS };
    const all = [...this.#ofConnection.values(), ...this.#ofMessage];
    return {
      v: 1,
      id: `${messageId}/decided`,
      atMs,
      service: "gateway",
      messageId,
      name: "msg:decided",
      outcome,
      policyVersion: this.#deps.policyVersion,
      stages: all.map((kept) => decisionStage(kept, room)),
      ...(this.#omitted === 0 ? {} : { omittedStages: this.#omitted }),
    };
  }

  /** What is said of the connection holds for the next message, too. */
  #forget(): void {
    this.#ofMessage = [];
    this.#repeated = 0;
    this.#omitted = 0;
    this.#hasRefused = false;
  }
}
