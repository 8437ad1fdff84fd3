import { ExpansionFailure } from "../../expansion/failures.ts";
import { textOf, type Value } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import { aclVerifications } from "../../options/acl/verifications.ts";
import { stageNames } from "../stage-names.ts";
import { readTest } from "../test.ts";
import { verifications } from "../verifications/index.ts";
import type { AclVerificationName } from "../verifications/verification.ts";

interface Wanted {
  readonly name: AclVerificationName;
  /** Behind `=`. */
  readonly argument: string | undefined;
  readonly options: readonly string[];
  readonly isTainted: boolean;
}

/** `verify = type/options` */
export const verify = readTest<Wanted>(readWanted, (wanted, run) => {
  const { stages } = aclVerifications[wanted.name];
  if (stages !== "all" && !stages.has(run.stage)) {
    throw new ExpansionFailure(`cannot verify ${wanted.name} in ACL for ${stageNames[run.stage]}`);
  }
  return verifications[wanted.name](run, wanted);
});

/** @throws {ExpansionFailure} there is nothing of the kind. */
function readWanted(value: Value): Wanted {
  const text = textOf(value);
  const [first = "", ...options] = splitList(`</${text}`).items;
  const [, written = "", argument] = /^([^=\t-\r ]*)[\t-\r ]*(?:=[\t-\r ]*([\s\S]*))?$/.exec(first) ?? [];
  const name = written.toLowerCase();
  if (!isVerification(name) || (argument !== undefined && name !== "sender")) {
    throw new ExpansionFailure(
      `expected "sender[=address]", "recipient", "helo", … at start of ACL condition "verify ${text}"`,
    );
  }
  if (options.length > 0 && !aclVerifications[name].hasOptions) {
    throw new ExpansionFailure(`unexpected '/' found in "${text}" (this verify item has no options)`);
  }
  return { name, argument, options, isTainted: typeof value !== "string" };
}

const isVerification = (name: string): name is AclVerificationName => Object.hasOwn(aclVerifications, name);
