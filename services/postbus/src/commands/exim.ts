import { parseArgs } from "node:util";
import manifest from "../../package.json" with { type: "json" };
import { UsageError } from "../command.ts";
import { policyOptions, policySettings } from "../policy-options.ts";

/** A form of Exim's command line, and what does the same here. @param policy Words that name the policy. */
type Form = (policy: readonly string[], rest: readonly string[]) => Promise<number>;

const QUEUE_FORMS: Readonly<Record<string, string>> = {
  ...{ "-bp": "exim-list", "-bpa": "exim-list", "-bpr": "exim-list", "-bpu": "exim-list", "-bpc": "exim-count" },
  ...{ "-M": "now", "-Mf": "freeze", "-Mt": "thaw", "-Mg": "bounce", "-Mrm": "remove" },
  ...{ "-Mmd": "delivered", "-Mmad": "all-delivered", "-Mar": "add", "-Mes": "sender" },
};

/** A command of the queue, with the ids that follow it. */
function queueForm([flag, command]: readonly [string, string]): readonly [string, Form] {
  return [flag, async (_policy, ids) => (await import("./queue.ts")).queue([command, ...ids])];
}

/**
 * Exim's manual, "The Exim command line". Adding a form = a line here, and one in the help. Each loads what it needs: the queue's
 * forms, which scripts call again and again, no policy.
 */
const forms: Readonly<Record<string, Form>> = {
  "-be": async (policy, rest) => (await import("./expand.ts")).expand([...policy, ...afterWords(rest)]),
  "-bh": async (policy, rest) => (await import("./session.ts")).session([...policy, "--from", one("-bh", rest)]),
  "-bhc": async (policy, rest) => (await import("./session.ts")).session([...policy, "--from", one("-bhc", rest)]),
  "-bt": async (policy, rest) => (await import("./route.ts")).route([...policy, ...afterWords(rest)]),
  "-bV": async (policy) => {
    process.stdout.write(`Postbus ${manifest.version}\n`);
    return (await import("./check.ts")).check(policy);
  },
  ...Object.fromEntries(Object.entries(QUEUE_FORMS).map(queueForm)),
  "-bP": printed,
};

async function printed(policy: readonly string[], rest: readonly string[]): Promise<number> {
  const [{ readPolicy }, { printOptions }] = await Promise.all([
    import("@postbus/policy"),
    import("../exim/print-options.ts"),
  ]);
  return printOptions(readPolicy(policyIn(policy)), rest);
}

/** `postbus exim`: the flags of Exim that scripts use, for the commands that do the same. @throws {UsageError} */
export async function exim(args: readonly string[]): Promise<number> {
  const policy: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    const form = Object.hasOwn(forms, word) ? forms[word] : undefined;
    if (form !== undefined) {
      const rest = args.slice(i + 1);
      // Exim takes -C and -D behind the others, too.
      const { options, others } = divided(rest);
      return form([...policy, ...options], others);
    }
    const { options, others, used } = optionAt(args, i);
    if (others.length > 0) throw new UsageError(`${word}: is not offered; there are ${Object.keys(forms).join(", ")}`);
    policy.push(...options);
    i += used - 1;
  }
  throw new UsageError(`one of ${Object.keys(forms).join(", ")} says what is to be done`);
}

interface Read {
  readonly options: readonly string[];
  readonly others: readonly string[];
  readonly used: number;
}

/** `-C FILE`, `-CFILE`, `-DNAME=value` as our own options; debugging has none. */
function optionAt(args: readonly string[], i: number): Read {
  const word = args[i] ?? "";
  if (word === "-C") return { options: ["--config", args[i + 1] ?? ""], others: [], used: 2 };
  if (word.startsWith("-C")) return { options: ["--config", word.slice(2)], others: [], used: 1 };
  if (/^-D./.test(word)) return { options: [word], others: [], used: 1 };
  if (/^-(d([+-].*)?|v)$/.test(word)) return { options: [], others: [], used: 1 };
  return { options: [], others: [word], used: 1 };
}

function divided(args: readonly string[]): { readonly options: readonly string[]; readonly others: readonly string[] } {
  const options: string[] = [];
  const others: string[] = [];
  for (let i = 0; i < args.length; ) {
    const read = optionAt(args, i);
    options.push(...read.options);
    others.push(...read.others);
    i += read.used;
  }
  return { options, others };
}

/** Words that may begin with a dash. */
const afterWords = (words: readonly string[]): readonly string[] => (words.length === 0 ? [] : ["--", ...words]);

function one(form: string, words: readonly string[]): string {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0) throw new UsageError(`${form}: one IP address is expected`);
  return word;
}

/** For the reader: from the words that the commands take, and from the environment. */
function policyIn(words: readonly string[]): { readonly file: string | undefined; readonly macros: string } {
  const { config: file, macros } = policySettings(parseArgs({ args: [...words], options: policyOptions }).values);
  return { file, macros };
}
