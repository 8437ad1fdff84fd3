import { join } from "node:path";
import type { Content } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { type AclAnswer, type Policy, runDkimStage, runMimeStage, type SmtpAcls } from "@postbus/policy";
import { ScanDirectory, type Spool } from "@postbus/spool";
import { contentSource } from "./content-source.ts";
import type { TransactionFacts } from "./facts/transaction-facts.ts";

/** What the unpacked parts of a message may take on disk, for each octet of it; and what they may in any case. */
const UNPACKED_SHARE = 16;
const UNPACKED_FREE = 4 * 1024 * 1024;

/** Where parts of messages are unpacked. */
export const scanRoot = (dataDirectory: string): string => join(dataDirectory, "scan");

export interface ContentStagesOptions {
  readonly acls: SmtpAcls;
  readonly policy: Pick<Policy, "configuration">;
  readonly facts: Pick<TransactionFacts, "signatures">;
  readonly spool: Pick<Spool, "read">;
  /** Where parts of messages are unpacked. */
  readonly scanRoot: string;
  /** The message as it came. */
  original(): Promise<Content>;
}

/**
 * The stages before the DATA ACL that look into a message. Each gives what refuses the message, or throws it away;
 * `DeferError`, if that cannot be said. Of what they unpack nothing stays.
 */
export class ContentStages implements AsyncDisposable {
  readonly #options: ContentStagesOptions;
  #files: ScanDirectory | undefined;

  constructor(options: ContentStagesOptions) {
    this.#options = options;
  }

  /** `acl_smtp_dkim`, for each signer. */
  async dkim(): Promise<AclAnswer | undefined> {
    const { acls, policy, facts } = this.#options;
    const signatures = async () => {
      const found = await facts.signatures();
      if (found === undefined) throw new DeferError("dkim", "no answer about the signatures of the message");
      return found;
    };
    return runDkimStage(acls, { configuration: policy.configuration, signatures });
  }

  /** `acl_smtp_mime`, for each part. */
  async mime(): Promise<AclAnswer | undefined> {
    const { acls, spool, scanRoot: root, original } = this.#options;
    if (!acls.has("mime")) return undefined;
    const { messageId, size = 0 } = acls.session.message;
    this.#files = new ScanDirectory(root, messageId, UNPACKED_SHARE * size + UNPACKED_FREE);
    const source = contentSource(await original(), spool);
    return runMimeStage(acls, { source, files: this.#files });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The policy wants to look at the files afterwards; they are swept when they are old.
    if (this.#options.acls.session.message.controls.keepsMbox === true) return;
    // What cannot be removed is swept; it says nothing about the message.
    await this.#files?.clear().catch(() => undefined);
  }
}
