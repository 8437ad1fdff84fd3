import type { Eventual } from "../../expansion/code.ts";
import type { aclVerifications } from "../../options/acl/verifications.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";

/** What stands behind the type of a `verify`. */
export interface VerifyArguments {
  readonly argument: string | undefined;
  readonly options: readonly string[];
}

/** A type of `verify`. @throws {ExpansionFailure} its options are wrong. */
export type Verification = (run: AclRun, wanted: VerifyArguments) => Eventual<Said>;

export type AclVerificationName = keyof typeof aclVerifications;
