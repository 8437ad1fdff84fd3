import { compileRegex, RegexError, RegexLimitError } from "@postbus/regex";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { CompiledTransport, VariableTest } from "../../policy.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import {
  APPENDFILE_TEXTS,
  type AppendfileSettings,
  type AppendfileText,
  type AppendfileTransport,
} from "./appendfile-transport.ts";
import { compileFilter, filterOf } from "./filter.ts";
import type { SiteNames } from "./local/site-names.ts";
import { compileMessageOptions } from "./message-options.ts";
import { variablesIn } from "./variables-in.ts";

type Settings = Extract<TransportSettings, { kind: "appendfile" }>;
type Options = Settings["options"];

/** Recipients of one item of a local transport: what a crash may make a delivery do again. */
const MAX_LOCAL_RECIPIENTS = 100;

/** Exim's manual, "The appendfile transport": what stands around a message in a file, unless something else is said. */
const MBOX = {
  message_prefix: "From ${if def:return_path{$return_path}{MAILER-DAEMON}} ${tod_bsdinbox}\n",
  message_suffix: "\n",
};
/** The manual's example of a warning, in our words. */
const WARNING = `To: $local_part@$domain
Subject: Your mailbox

This message is automatically created by mail delivery software.

The size of your mailbox has exceeded a warning threshold that is
set by the system administrator.
`;

/** A transport into mailboxes. */
export function compileAppendfile(
  { name, place, options }: Settings,
  names: SiteNames,
  shared: SharedSurroundings,
  problems: ProblemList,
): CompiledTransport {
  checkLocks(name, options, problems);
  const directoryFormat = options.get("maildir_format")
    ? "maildir"
    : options.get("mailstore_format")
      ? "mailstore"
      : "files";
  if (options.get("file") !== undefined && directoryFormat !== "files") {
    problems.error(place, `transport ${name}: a file is no ${directoryFormat}: set directory`);
  }
  checkRegexes(name, options, problems);
  const message = compileMessageOptions(options, shared, names);
  const filter = compileFilter({ name, kind: "appendfile" }, options, shared);
  const sources = [...message.sources, ...(filter?.sources ?? [])];
  const texts = textsOf(options, directoryFormat);
  const expansions = new Map(Array.from(texts, ([option, text]) => [option, compileExpansion(text)] as const));
  const isNamed = variablesIn([...texts.values(), ...sources]);
  const settings = settingsOf(options, directoryFormat);
  return {
    name,
    driver: "appendfile",
    // What a program is to be told is said of one.
    maxRcpt: filter === undefined ? MAX_LOCAL_RECIPIENTS : 1,
    hasOwnHosts: settings.batchMax > 1,
    variables: carriedVariables({ expansions, isNamed, settings, sources }),
    at: (variables): AppendfileTransport => ({
      driver: "appendfile",
      name,
      settings,
      message: (address) => message.at(variables(address)),
      ...filterOf(filter, variables),
      source: (option) => texts.get(option),
      dependsOn: (part) => isNamed(part) || isNamed(`${part}_data`),
      variables,
      expand(option, address, more) {
        const expansion = expansions.get(option);
        if (expansion === undefined) return undefined;
        if (expansion.constant !== undefined) return expansion.constant;
        const own = variables(address);
        const all: Variables =
          more === undefined ? own : { get: (variable) => more[variable] ?? own.get(variable), headers: own.headers };
        return expansion.run(createEvaluation({ ...shared, variables: all }));
      },
    }),
  };
}

interface Named {
  readonly expansions: ReadonlyMap<AppendfileText, Expansion>;
  readonly isNamed: VariableTest;
  readonly settings: AppendfileSettings;
  readonly sources: readonly string[];
}

/** What deliveries take along: what texts name, a file that a redirect list has named, the directory that `create_file` is about. */
function carriedVariables({ expansions, isNamed, settings, sources }: Named): VariableTest | undefined {
  const isPlaced = expansions.has("file") || expansions.has("directory");
  const isHomeAsked = settings.createFile === "inhome" || settings.createFile === "belowhome";
  const isConstant = sources.length === 0 && expansions.values().every(({ constant }) => constant !== undefined);
  if (isConstant && isPlaced && !isHomeAsked) return undefined;
  return (name) =>
    (name === "address_file" && !isPlaced) || (name === "home" && isHomeAsked) || (!isConstant && isNamed(name));
}

/** Node.js has no locks of the operating system's kind: the lock file is the lock. */
function checkLocks(name: string, options: Options, problems: ProblemList): void {
  const flock = options.setting("use_flock_lock");
  if (flock !== undefined && options.get("use_flock_lock")) {
    problems.error(flock.place, `transport ${name}: use_flock_lock: there are no flock() locks here; use_lockfile is`);
  }
  const lockfile = options.setting("use_lockfile");
  if (lockfile === undefined || options.get("use_lockfile")) return;
  // Files of their own need no lock.
  if (options.get("directory") !== undefined) return;
  problems.error(
    lockfile.place,
    `transport ${name}: use_lockfile = false: the lock file is the only lock there is here`,
  );
}

function checkRegexes(name: string, options: Options, problems: ProblemList): void {
  for (const option of ["quota_size_regex", "maildir_quota_directory_regex", "maildirfolder_create_regex"] as const) {
    try {
      compileRegex(options.get(option) ?? "");
    } catch (err) {
      if (!(err instanceof RegexError || err instanceof RegexLimitError)) throw err;
      const place = options.setting(option)?.place ?? { file: "", line: 0 };
      problems.error(place, `transport ${name}: ${option}: ${err.message}`);
    }
  }
}

function textsOf(options: Options, format: AppendfileSettings["directoryFormat"]): ReadonlyMap<AppendfileText, string> {
  const texts = new Map<AppendfileText, string>();
  for (const option of APPENDFILE_TEXTS) {
    const value = options.get(option);
    if (option === "directory_file" && format !== "files") continue;
    if (value !== undefined) texts.set(option, String(value));
  }
  if (options.get("directory") === undefined && format === "files" && !options.get("use_bsmtp")) {
    for (const [option, text] of Object.entries(MBOX) as [keyof typeof MBOX, string][]) {
      if (!texts.has(option)) texts.set(option, text);
    }
  }
  if (texts.has("quota_warn_threshold") && !texts.has("quota_warn_message")) texts.set("quota_warn_message", WARNING);
  return texts;
}

function settingsOf(options: Options, directoryFormat: AppendfileSettings["directoryFormat"]): AppendfileSettings {
  return {
    directoryFormat,
    createsDirectory: options.get("create_directory"),
    createFile: options.get("create_file"),
    fileMustExist: options.get("file_must_exist"),
    allowsFifo: options.get("allow_fifo"),
    allowsSymlink: options.get("allow_symlink"),
    checksOwner: options.get("check_owner"),
    checksGroup: options.get("check_group"),
    failsIfNarrower: options.get("mode_fail_narrower"),
    mode: options.get("mode"),
    directoryMode: options.get("directory_mode"),
    lockfileMode: options.get("lockfile_mode"),
    lockRetries: options.get("lock_retries"),
    lockIntervalMs: options.get("lock_interval"),
    lockfileTimeoutMs: options.get("lockfile_timeout"),
    escaped: escapeOf(options, directoryFormat),
    usesCrlf: options.get("use_crlf"),
    isBatched: options.get("use_bsmtp"),
    batchMax: Math.max(1, options.get("batch_max")),
    quotaIsInclusive: options.get("quota_is_inclusive"),
    quotaSizeRegex: options.get("quota_size_regex"),
    maildirQuotaDirectoryRegex: options.get("maildir_quota_directory_regex"),
    maildirfolderCreateRegex: options.get("maildirfolder_create_regex"),
  };
}

function escapeOf(options: Options, format: AppendfileSettings["directoryFormat"]): AppendfileSettings["escaped"] {
  if (options.get("use_bsmtp")) return { from: ".", to: ".." };
  const isMbox = options.get("directory") === undefined && format === "files";
  const from = options.get("check_string") ?? (isMbox ? "From " : "");
  if (from === "") return undefined;
  return { from, to: options.get("escape_string") ?? (isMbox ? ">From " : "") };
}
