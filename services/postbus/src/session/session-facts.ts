import { isUnchecked } from "@postbus/contracts";
import type { Resolver } from "@postbus/dns";
import { policyFacts, TransactionFacts, whyNoDmarc } from "@postbus/gateway";
import { DeferError } from "@postbus/mail";
import { SuffixFiles } from "@postbus/mail-auth";
import {
  type AclHooks,
  type AclSession,
  type Configuration,
  dkimLimits,
  dmarcSuffixFile,
  type SharedSurroundings,
  type Signature,
} from "@postbus/policy";
import { ownThread } from "@postbus/verifier";

export interface SessionFactsOptions {
  readonly configuration: Configuration;
  readonly shared: SharedSurroundings;
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
  readonly resolver: Resolver;
  session(): AclSession;
}

/** As `POSTBUS_FACTS_TIMEOUT_MS` has it where nobody sets it. */
const TIMEOUT_MS = 10_000;

/**
 * What verifier tells the gateway of a message, found out in this process: a session has no bus. Asked and told to the policy
 * as the gateway does it.
 */
export class SessionFacts {
  readonly hooks: Required<Pick<AclHooks, "facts" | "signatures">>;
  readonly #questions: ConstructorParameters<typeof TransactionFacts>[0];
  readonly #suffixFile: ReturnType<typeof dmarcSuffixFile>;
  readonly #limits: ReturnType<typeof dkimLimits>;
  readonly #session: () => AclSession;
  #facts: TransactionFacts | undefined;

  constructor({ configuration, shared, primaryHostname, qualifyDomain, resolver, session }: SessionFactsOptions) {
    const checks = ownThread(resolver, new SuffixFiles());
    this.#questions = {
      async spf(question, { timeoutMs }) {
        const asked = { ...question, withinMs: timeoutMs };
        const { reason, queries, ...spf } = await checks.spf(asked, AbortSignal.timeout(timeoutMs));
        return { spf, queries, ...(reason === undefined ? {} : { reason }) };
      },
      async message(question, content, { timeoutMs }) {
        if (content.kind !== "inline") throw new Error("a session has no spool");
        const asked = { ...question, withinMs: timeoutMs };
        const found = await checks.message(asked, content.octets, AbortSignal.timeout(timeoutMs));
        const { dkim, signatures, arc, ...rest } = found;
        // As the gateway: that is no fact.
        if (isUnchecked({ dkim: [...dkim], dmarc: rest.dmarc }))
          throw new DeferError("session", rest.dmarc.comment ?? "the message could not be checked");
        return { ...rest, dkim: [...dkim], signatures: [...signatures], ...(arc === undefined ? {} : { arc }) };
      },
      scan: async ({ task }) => {
        throw new DeferError(task.engine, "a session asks no scanner");
      },
    };
    this.#suffixFile = dmarcSuffixFile(configuration, shared, { primaryHostname, qualifyDomain });
    const running = () => this.#facts && { facts: this.#facts };
    this.hooks = policyFacts({ primaryHostname }, running, session);
    this.#limits = dkimLimits(configuration);
    this.#session = session;
  }

  /** MAIL has come. */
  begin(about: { readonly clientAddress: string; readonly helo: string; readonly returnPath: string }): void {
    this.#facts?.end();
    this.#facts = new TransactionFacts(this.#questions, TIMEOUT_MS, about);
  }

  /** The content of the message is there, as it came. */
  contentIsThere(messageId: string, octets: Buffer, headerOctets: number): void {
    this.#facts?.contentIsThere({
      messageId,
      wantsSignatures: true,
      wantsSignatureBits: false,
      headerOctets: () => headerOctets,
      dkimLimits: this.#limits,
      isDkimOff: this.#session().message.controls.isDkimOff === true,
      isDmarcOff: () => whyNoDmarc(this.#session()) !== undefined,
      wantsArc: true,
      wantsDmarcDetail: true,
      suffixFile: this.#suffixFile,
      read: async () => ({ kind: "inline", octets }),
    });
  }

  /** Of a message that has one. @throws {DeferError} nobody knows, or it takes too long to find out. */
  async signatures(): Promise<readonly Signature[]> {
    const found = await this.#facts?.signatures();
    if (found === undefined) throw new DeferError("dkim", "the signatures could not be verified in time");
    return found;
  }
}
