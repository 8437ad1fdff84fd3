import type { SmtpAcls } from "../acl/smtp/smtp-acls.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { ForcedFailure } from "../expansion/failures.ts";
import type { Configuration } from "../reader/configuration.ts";

type ContentTest = (acls: SmtpAcls) => boolean;

/** An ACL that is no more than this word looks at nothing. */
const ACCEPT = "accept";

/** The ACLs that are asked about a message which has come. */
const OPTIONS = ["acl_smtp_dkim", "acl_smtp_mime", "acl_smtp_data"] as const;

/**
 * Whether a message will be shown to an ACL: asked when its content begins. Where that is not known yet, it is; who is not
 * looked at can be passed on while it comes in.
 */
export function contentTest({ main }: Pick<Configuration, "main">): ContentTest {
  const tests = OPTIONS.map((option) => aclTest(main.get(option)));
  const prdr = aclTest(main.get("acl_smtp_data_prdr"));
  return (acls) => tests.some((test) => test(acls)) || (acls.session.message.isPrdr && prdr(acls));
}

function aclTest(option: string | undefined): ContentTest {
  if (option === undefined) return () => false;
  const expansion = compileExpansion(option);
  if (expansion.constant !== undefined) return () => expansion.constant !== ACCEPT;
  return ({ session }) => {
    try {
      const name = expansion.run(session.evaluation);
      // Whatever comes of it will come again, and be heard of, when the ACL is run.
      if (name instanceof Promise) name.catch(() => undefined);
      return name !== ACCEPT;
    } catch (err) {
      return !(err instanceof ForcedFailure);
    }
  };
}
