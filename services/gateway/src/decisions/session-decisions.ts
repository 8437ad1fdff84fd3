import type { Decided } from "@postbus/contracts";
import type { AclAnswer, DecisionListener, DecisionRecord } from "@postbus/policy";
import type { Surroundings } from "../surroundings.ts";
import { decisionStage, type KeptDecision, keptDecision } from "./decision-stage.ts";

/** What `SessionDecisions` needs to know of its client at the time. */
export interface DecisionsClient {
  readonly address: string;
  readonly helo: string;
  readonly returnPath: string | undefined;
  /** An ACL wants to have it recorded: `control = debug`. */
  readonly isTraced: boolean;
}

/** What all sessions share of what decisions need. `rejections` takes what no message goes with, and may drop it. */
type Shared = Pick<Surroundings, "policy" | "settings" | "messageIds" | "rejections">;

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
  readonly #client: DecisionsClient;
  readonly #shared: Shared;
  /** The last of each kind. */
  #ofConnection: readonly KeptDecision[] = NOTHING;
  #ofMessage: KeptDecision[] = [];
  #repeated = 0;
  #omitted = 0;
  /** Something was refused that has not been told. */
  #hasRefused = false;

  constructor(client: DecisionsClient, shared: Shared) {
    this.#client = client;
    this.#shared = shared;
  }

  nowMs(): number {
    return performance.now();
  }

  decided(answer: AclAnswer, tookUs: number, recipient: string | undefined): void {
    const { stage } = answer.record;
    const isOfConnection = OF_CONNECTION.has(stage);
    if (!isOfConnection && !OF_MESSAGE.has(stage)) return;
    if (answer.verdict === "refuse" || answer.verdict === "drop") this.#hasRefused = true;
    const kept = keptDecision(answer, recipient, tookUs);
    if (isOfConnection) this.#ofConnection = withLast(this.#ofConnection, kept);
    else if (!OF_RECIPIENT.has(stage)) this.#ofMessage = withLast(this.#ofMessage, kept);
    else if (++this.#repeated > MAX_REPEATED) this.#omitted += 1;
    else this.#ofMessage.push(kept);
  }

  /** The message is accepted. @returns The event to go with it; undefined: it is not wanted. */
  accepted(messageId: string, atMs: number): Decided | undefined {
    const isWanted = this.#shared.settings.decisions === "all" || this.#hasRefused || this.#client.isTraced;
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
    if (this.#hasRefused) this.#tell(this.#shared.messageIds.next(), "refused");
    else if (this.#ofMessage.length > 0) this.#forget();
  }

  #tell(messageId: string, outcome: "refused" | "discarded"): void {
    const { address, helo, returnPath } = this.#client;
    const recipients = new Set(this.#ofMessage.flatMap(({ about }) => about ?? []));
    this.#shared.rejections.add({
      ...this.#event(messageId, Date.now(), outcome),
      clientAddress: address,
      ...(helo === "" ? {} : { helo }),
      ...(returnPath === undefined ? {} : { returnPath }),
      recipients: [...recipients].slice(0, MAX_RECIPIENTS),
    });
    this.#forget();
  }

  #event(messageId: string, atMs: number, outcome: Decided["outcome"]): Decided {
    const room = { octets: MAX_OCTETS };
    const all = [...this.#ofConnection, ...this.#ofMessage];
    return {
      v: 1,
      id: `${messageId}/decided`,
      atMs,
      service: "gateway",
      messageId,
      name: "msg:decided",
      outcome,
      policyVersion: this.#shared.policy.version,
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

/** A client may give a command again and again: what holds is the last answer. */
const withLast = (before: readonly KeptDecision[], kept: KeptDecision): KeptDecision[] => [
  ...before.filter(({ answer }) => answer.record.stage !== kept.answer.record.stage),
  kept,
];

const NOTHING: readonly KeptDecision[] = [];
