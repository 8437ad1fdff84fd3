import { DeferError } from "@postbus/mail";
import { type CompiledList, compileList, Tainted, type Value } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { deferred, errorNumbers } from "../driver-result.ts";
import { matchList } from "../match-list.ts";
import { type CompilePrecondition, type Precondition, type PreconditionResult, skipped } from "./precondition.ts";

/** `domains`: sets `$domain_data`. */
export const domains: CompilePrecondition = ({ generic }) =>
  listTest("domains", list("domain", generic.get("domains")), {
    subject: ({ address }) => address.domain,
    keep(attempt, data) {
      attempt.domainData = data;
    },
  });

/** `local_parts`: sets `$local_part_data`. The letters are given as they came, for lists with `+caseful`. */
export const localParts: CompilePrecondition = ({ generic }) => {
  const text = generic.get("local_parts");
  const isCaseful = text !== undefined && generic.get("caseful_local_part");
  return listTest("local_parts", list("localpart", isCaseful ? caseful(text) : text), {
    subject: asItCame,
    keep(attempt, data) {
      attempt.localPartData = data;
    },
  });
};

/** `senders`: sets `$sender_data`. */
export const senders: CompilePrecondition = ({ generic }) =>
  listTest("senders", list("address", generic.get("senders")), {
    subject: ({ run }) => run.context.returnPath,
    keep(attempt, data) {
      attempt.senderData = data;
    },
  });

const list = (kind: "domain" | "localpart" | "address", text: string | undefined): CompiledList | undefined =>
  text === undefined ? undefined : compileList(kind, text);

/** The word goes in front of the list, behind the choice of a separator. */
function caseful(text: string): string {
  const [choice = "", separator = ":"] = /^[\t-\r ]*<([!-/:-@[-`{-~])/.exec(text) ?? [];
  return `${choice}+caseful ${separator} ${text.slice(choice.length)}`;
}

/** Without its affixes, which are as long in the letters that came as in lower case. */
function asItCame({ address, local }: Attempt): string {
  const end = address.localPart.length - (local.suffix?.text.length ?? 0);
  return address.localPart.slice(local.prefix?.text.length ?? 0, end);
}

type Matched = Awaited<ReturnType<typeof matchList>>;

interface Use {
  readonly subject: (attempt: Attempt) => string;
  readonly keep: (attempt: Attempt, data: Value | undefined) => void;
}

function listTest(name: string, compiled: CompiledList | undefined, { subject, keep }: Use): Precondition | undefined {
  if (compiled === undefined) return undefined;
  const notMet = skipped(name);
  const decided = (attempt: Attempt, matched: Matched): PreconditionResult => {
    if (matched === undefined) return notMet;
    if (matched.captures !== undefined) attempt.evaluation.captures = matched.captures;
    keep(attempt, matched.data);
    return undefined;
  };
  const undecided = ({ router, run }: Attempt, error: unknown): PreconditionResult => {
    if (!(error instanceof DeferError)) throw error;
    run.context.warn?.(`${router.name} router: ${name}: ${error.message}`);
    return deferred(`${name} check lookup or other defer`, errorNumbers.unknown);
  };
  return {
    name,
    test(attempt) {
      const text = subject(attempt);
      try {
        const matched = matchList(compiled, attempt.evaluation, text === "" ? text : new Tainted(text));
        if (!(matched instanceof Promise)) return decided(attempt, matched);
        return matched.then(
          (later) => decided(attempt, later),
          (error: unknown) => undecided(attempt, error),
        );
      } catch (error) {
        return undecided(attempt, error);
      }
    },
  };
}
