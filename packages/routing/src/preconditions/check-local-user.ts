import { findAccount } from "../accounts.ts";
import type { CompilePrecondition } from "./precondition.ts";
import { skipped } from "./precondition.ts";

/** `check_local_user`: the local part is a user of this machine. Sets `$home` and `$local_part_data`. */
export const checkLocalUser: CompilePrecondition = ({ generic }) => {
  if (!generic.get("check_local_user")) return undefined;
  return {
    name: "check_local_user",
    async test(attempt) {
      const account = await findAccount(attempt.local.localPart, attempt.evaluation);
      if (account === undefined) return skipped("check_local_user");
      attempt.account = account;
      attempt.home = account.home;
      attempt.localPartData = account.name;
      return undefined;
    },
  };
};
