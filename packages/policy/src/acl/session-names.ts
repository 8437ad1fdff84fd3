import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Expansion } from "../expansion/expansion.ts";
import type { Configuration } from "../reader/configuration.ts";

/** Names, sizes and texts of the main section that variables tell, or are made of. */
export interface SessionNames {
  readonly primaryHostname: string;
  readonly activeHostname: string;
  readonly qualifyDomain: string;
  readonly qualifyRecipient: string;
  readonly configFile: string;
  readonly version: string;
  /** `spool_directory`, as the file has it: there is none. */
  readonly spoolDirectory: string;
  readonly bounceReturnSizeLimit: number;
  /** `spf_guess` */
  readonly spfGuess: string;
  /** `spf_smtp_comment_template` */
  readonly spfComment: Expansion;
  /** `message_id_header_text`, `message_id_header_domain`, if they are set. */
  readonly messageIdText: Expansion | undefined;
  readonly messageIdDomain: Expansion | undefined;
  /** `smtp_return_error_details`: clients are told why they are put off. */
  readonly returnsErrorDetails?: boolean;
}

/** @param primaryHostname Of the policy, or of this machine. @param file Path of the configuration. */
export function sessionNames(
  { main }: Pick<Configuration, "main">,
  {
    primaryHostname,
    file,
    version,
  }: { readonly primaryHostname: string; readonly file: string; readonly version: string },
): SessionNames {
  const qualifyDomain = main.get("qualify_domain") ?? primaryHostname;
  return {
    primaryHostname,
    activeHostname: primaryHostname,
    qualifyDomain,
    qualifyRecipient: main.get("qualify_recipient") ?? qualifyDomain,
    configFile: file,
    version,
    spoolDirectory: main.get("spool_directory") ?? "",
    bounceReturnSizeLimit: main.get("bounce_return_size_limit"),
    spfGuess: main.get("spf_guess"),
    spfComment: compileExpansion(main.get("spf_smtp_comment_template")),
    messageIdText: expansionOf(main.get("message_id_header_text")),
    messageIdDomain: expansionOf(main.get("message_id_header_domain")),
    returnsErrorDetails: main.get("smtp_return_error_details"),
  };
}

const expansionOf = (text: string | undefined): Expansion | undefined =>
  text === undefined ? undefined : compileExpansion(text);
