import { DeferError, type OctetSource } from "@postbus/mail";
import {
  type AclAnswer,
  type Configuration,
  runDkimStage,
  runMimeStage,
  type Signature,
  type SmtpAcls,
} from "@postbus/policy";
import { ScanDirectory } from "@postbus/spool";

export interface ContentStagesOptions {
  readonly configuration: Configuration;
  readonly acls: SmtpAcls;
  /** The message as it came. */
  readonly source: OctetSource;
  /** Where parts of messages are unpacked. */
  readonly scanDirectory: string;
  /** What verifying the message has found. */
  signatures(): Promise<readonly Signature[]>;
  trace(answer: AclAnswer): void;
  log(text: string): void;
}

/** What may be unpacked of one message. */
const MAX_SCAN_OCTETS = 1024 * 1024 * 1024;

/** The stages before the DATA ACL that look into a message. @returns what refuses the message, or throws it away. */
export async function contentStages(options: ContentStagesOptions): Promise<AclAnswer | undefined> {
  const { configuration, acls, source, scanDirectory, trace, log } = options;
  const files = new ScanDirectory(scanDirectory, acls.session.message.messageId, MAX_SCAN_OCTETS);
  let stage: "dkim" | "mime" = "dkim";
  try {
    const { signatures } = options;
    const answer = await runDkimStage(acls, { configuration, signatures, trace });
    stage = "mime";
    return answer ?? (await runMimeStage(acls, { source, files, trace }));
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    log(error.message);
    return later(stage);
  } finally {
    await files.clear();
  }
}

const later = (stage: "dkim" | "mime"): AclAnswer => ({
  verdict: "refuse",
  reply: { code: 451, lines: ["Temporary local problem - please try later"] },
  isTemporary: true,
  log: undefined,
  logTargets: undefined,
  record: { stage, verdict: "defer", statements: [], log: undefined },
});
