import { join } from "node:path";
import type { Content } from "@postbus/contracts";
import { type AclAnswer, runMimeStage, type SmtpAcls } from "@postbus/policy";
import { ScanDirectory, type Spool } from "@postbus/spool";
import { contentSource } from "./content-source.ts";

/** What the unpacked parts of a message may take on disk, for each octet of it; and what they may in any case. */
const UNPACKED_SHARE = 16;
const UNPACKED_FREE = 4 * 1024 * 1024;

/** Where parts of messages are unpacked. */
export const scanRoot = (dataDirectory: string): string => join(dataDirectory, "scan");

/** The stages before the DATA ACL that look into a message. Of what they unpack nothing stays. */
export class ContentStages implements AsyncDisposable {
  readonly #acls: SmtpAcls;
  readonly #spool: Pick<Spool, "read">;
  readonly #scanRoot: string;
  readonly #original: () => Promise<Content>;
  #files: ScanDirectory | undefined;

  /** @param original The message as it came. */
  constructor(acls: SmtpAcls, spool: Pick<Spool, "read">, root: string, original: () => Promise<Content>) {
    this.#acls = acls;
    this.#spool = spool;
    this.#scanRoot = root;
    this.#original = original;
  }

  /**
   * `acl_smtp_mime`, for each part.
   *
   * @returns what refuses the message, or throws it away. @throws {DeferError}
   */
  async mime(): Promise<AclAnswer | undefined> {
    if (!this.#acls.has("mime")) return undefined;
    const { messageId, size = 0 } = this.#acls.session.message;
    this.#files = new ScanDirectory(this.#scanRoot, messageId, UNPACKED_SHARE * size + UNPACKED_FREE);
    const source = contentSource(await this.#original(), this.#spool);
    return runMimeStage(this.#acls, { source, files: this.#files });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The policy wants to look at the files afterwards; they are swept when they are old.
    if (this.#acls.session.message.controls.keepsMbox !== true) await this.#files?.clear();
  }
}
