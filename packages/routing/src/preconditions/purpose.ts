import type { CompilePrecondition } from "./precondition.ts";
import { skipped } from "./precondition.ts";

/** `verify_only`, `address_test`, `verify_sender`, `verify_recipient`, `expn`: whether the router takes part at all. */
export const purpose: CompilePrecondition = ({ generic }) => {
  const isVerifyOnly = generic.get("verify_only");
  const isForTests = generic.get("address_test");
  const isForSenders = generic.get("verify_sender");
  const isForRecipients = generic.get("verify_recipient");
  const isForExpn = generic.get("expn");
  if (!isVerifyOnly && isForTests && isForSenders && isForRecipients && isForExpn) return undefined;
  return {
    name: "verify_only, address_test, verify, expn",
    test({ run }) {
      switch (run.context.purpose) {
        case "deliver":
          return isVerifyOnly ? skipped("verify_only") : undefined;
        case "test":
          if (isVerifyOnly) return skipped("verify_only");
          return isForTests ? undefined : skipped("no_address_test");
        case "sender":
          return isForSenders ? undefined : skipped("no_verify_sender");
        case "recipient":
          return isForRecipients ? undefined : skipped("no_verify_recipient");
        case "expn":
          if (isVerifyOnly) return skipped("verify_only");
          return isForExpn ? undefined : skipped("no_expn");
        default:
          throw new Error(`unhandled purpose: ${JSON.stringify(run.context.purpose satisfies never)}`);
      }
    },
  };
};
