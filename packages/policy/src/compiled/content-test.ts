import type { SmtpAcls } from "../acl/smtp/smtp-acls.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { ForcedFailure } from "../expansion/failures.ts";
import type { Configuration } from "../reader/configuration.ts";

/** An ACL that is no more than this word looks at nothing. */
const ACCEPT = "accept";

/**
 * Whether a message will be shown to an ACL: asked when its content begins. Where that is not known yet, it is; who is not
 * looked at can be passed on while it comes in.
 */
export function contentTest({ main }: Pick<Configuration, "main">): (acls: SmtpAcls) => boolean {
  const data = aclTest(main.get("acl_smtp_data"));
  const prdr = aclTest(main.get("acl_smtp_data_prdr"));
  return (acls) => data(acls) || (acls.session.message.isPrdr && prdr(acls));
}

function aclTest(option: string | undefined): (acls: SmtpAcls) => boolean {
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
