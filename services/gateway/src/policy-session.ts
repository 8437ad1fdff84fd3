import { DeferError } from "@postbus/mail";
import type {
  AclAnswer,
  AclHooks,
  AddressVerdict,
  LogAbout,
  LogTarget,
  SmtpAcls,
  VerifyAddressRequest,
} from "@postbus/policy";
import { srsBucket, srsStore } from "@postbus/routing";
import type { ClientStanding } from "@postbus/smtp";
import { askQuota } from "./ask-quota.ts";
import { callOut } from "./callouts.ts";
import { type DecisionsClient, SessionDecisions } from "./decisions/session-decisions.ts";
import type { Envelope } from "./envelope.ts";
import { askEngine } from "./facts/ask-engine.ts";
import { policyFacts } from "./facts/policy-facts.ts";
import { type LoggedClient, loggedClient } from "./log/logged-client.ts";
import type { Surroundings } from "./surroundings.ts";

/** Characters of a line that the policy writes; policies repeat what clients say. */
const MAX_LINE = 8_192;

/** The connection, as its policy session sees it. */
export interface PolicyClient extends LoggedClient {
  readonly address: string;
  readonly envelope: Envelope | undefined;
  readonly commandHistory: string;
  /** The class of our packets (RFC 2474). */
  classify(dscp: number): void;
  /** Writes what the client has not got yet, and waits. */
  pause(seconds: number, isFlushed: boolean): Promise<void>;
}

/** The ACLs of one connection, under the policy that was in force when it came. Made when the first of them is asked. */
export class PolicySession implements DecisionsClient {
  readonly acls: SmtpAcls;
  /** Undefined: nobody wants to know. */
  readonly decisions: SessionDecisions | undefined;
  readonly #client: PolicyClient;
  readonly #surroundings: Pick<Surroundings, "rejections" | "messageIds" | "policy">;

  constructor(client: PolicyClient, surroundings: Surroundings) {
    const { policy, rates, settings, log } = surroundings;
    this.#client = client;
    this.#surroundings = surroundings;
    this.decisions = settings.decisions === "none" ? undefined : new SessionDecisions(this, surroundings);
    const hooks: AclHooks = {
      ...policyFacts(
        policy,
        () => client.envelope,
        () => this.acls.session,
      ),
      scan: (task, timeoutMs) => askEngine(task, timeoutMs, this.acls.session, client.envelope),
      verifyAddress: (request) => this.#verify(request, surroundings),
      ...(rates === undefined ? {} : { rates }),
      ...(this.decisions === undefined ? {} : { decisions: this.decisions }),
      classify: (dscp) => client.classify(dscp),
      delay: (seconds, isFlushed) => client.pause(seconds, isFlushed),
      commandHistory: () => client.commandHistory,
      log: (targets, text, about) => {
        if (about?.selector !== undefined && !policy.log.selectors.has(about.selector)) return;
        if (targets.includes("panic")) log.warn({ text, clientAddress: client.address }, "policy");
        this.write(targets, text, about);
      },
    };
    this.acls = policy.startSession(client.endpoint, hooks);
  }

  get address(): string {
    return this.#client.address;
  }

  get helo(): string {
    return this.#client.helo;
  }

  get returnPath(): string | undefined {
    return this.#client.envelope?.returnPath;
  }

  get isTraced(): boolean {
    return this.acls.session.connection.controls.isTraced === true;
  }

  /** What is known of the client so far. */
  get standing(): ClientStanding {
    const { connection } = this.acls.session;
    return connection.standing;
  }

  /** What was said of the message before is forgotten, if there was one. */
  beginMessage(): void {
    this.decisions?.end();
    const { message } = this.acls.session;
    const { returnPath, rcptCount, variables } = message;
    // VRFY and its like may have set `acl_m…`.
    if (returnPath !== undefined || rcptCount > 0 || variables.size > 0) this.acls.reset();
  }

  /** What the policy has to say is a line of the log. */
  write(
    targets: readonly LogTarget[],
    text: string,
    { isOfClient, before = isOfClient ? "H=" : undefined }: LogAbout = {},
  ): void {
    const { rejections, messageIds, policy } = this.#surroundings;
    const { messageId } = this.acls.session.message;
    rejections.add({
      v: 1,
      id: `${messageIds.next()}/line`,
      atMs: Date.now(),
      service: "gateway",
      name: "log:line",
      ...(messageId === "" ? {} : { messageId }),
      targets: [...new Set(targets)],
      ...(before === undefined ? {} : { before, ...loggedClient(this.#client, policy.log.selectors) }),
      text: `${isOfClient === true ? " " : ""}${text.slice(0, MAX_LINE)}`,
    });
  }

  async #verify(request: VerifyAddressRequest, { policy, routing, bus }: Surroundings): Promise<AddressVerdict> {
    const { callout, quota, kind } = request;
    if (quota !== undefined && kind === "sender") throw new DeferError("verify", "can only verify quota of recipient");
    const { session } = this.acls;
    const verdict = await routing.verify(request, {
      returnPath: session.message.returnPath ?? "",
      surroundings: policy.surroundings,
      variables: session.evaluation.around.variables,
      srsStore: srsStore(() => bus.keyValue(srsBucket)),
    });
    const delivery = verdict.deliveries.at(-1);
    if (verdict.result !== "good" || delivery === undefined) return verdict;
    const { addressData } = verdict;
    let answer: AddressVerdict = verdict;
    if (quota !== undefined) answer = await askQuota(delivery, session.message.size ?? 0, bus);
    else if (callout !== undefined && !delivery.isLocal) {
      answer = await callOut(request, callout, delivery, { bus, policy, acls: this.acls });
    }
    return addressData === undefined ? answer : { ...answer, addressData };
  }
}

/** Whether the message, or the recipient, goes on. */
export const isAccepted = ({ verdict }: AclAnswer): boolean => verdict === "accept" || verdict === "discard";
