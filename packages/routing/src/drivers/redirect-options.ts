import { compileExpansion, type Expansion, type RouterSettings, splitList } from "@postbus/policy";
import type { Flag } from "../compiled-router.ts";
import { compileFlag } from "../flag.ts";

type Settings = Extract<RouterSettings, { kind: "redirect" }>;

/** The options of a redirect router, compiled. */
export interface RedirectOptions {
  /** `data` or `file`, and which of them it is. */
  readonly source: Expansion;
  readonly noun: "data" | "file";
  readonly fileRules: {
    readonly modeMask: number;
    readonly ignoresNotDirectory: boolean;
    readonly ignoresNoAccess: boolean;
  };
  readonly checksOwner: boolean;
  readonly checksGroup: boolean;
  readonly owners: readonly string[];
  readonly groups: readonly string[];
  readonly includeDirectory: string | undefined;
  readonly mayFail: boolean;
  readonly mayDefer: boolean;
  readonly mayFilter: boolean;
  readonly forbidsBlackhole: Flag;
  readonly forbidsFile: Flag;
  readonly forbidsInclude: Flag;
  readonly forbidsPipe: Flag;
  /** `forbid_smtp_code` */
  readonly forbidsCode: boolean;
  readonly skipsSyntaxErrors: boolean;
  readonly syntaxErrorsTo: string | undefined;
  readonly syntaxErrorsText: Expansion | undefined;
  readonly checksAncestors: boolean;
  readonly isOneTime: boolean;
  readonly hidesChildren: boolean;
  readonly preservesDomain: boolean;
  readonly qualifyDomain: Expansion | undefined;
  readonly rewrites: boolean;
  readonly fileTransport: Expansion | undefined;
  readonly directoryTransport: Expansion | undefined;
  readonly pipeTransport: Expansion | undefined;
}

/** Reads the options; what is checked of a file's owner depends on what else is set. */
export function compileRedirectOptions({ options }: Settings): RedirectOptions {
  const expansion = (
    name: "qualify_domain" | "file_transport" | "directory_transport" | "pipe_transport" | "syntax_errors_text",
  ) => {
    const text = options.get(name);
    return text === undefined ? undefined : compileExpansion(text);
  };
  const file = options.get("file");
  const owners = [...splitList(options.get("owners") ?? "").items];
  const groups = [...splitList(options.get("owngroups") ?? "").items];
  const modeMask = options.get("modemask");
  const isLocalUser = options.get("check_local_user");
  const isOneTime = options.get("one_time");
  return {
    source: compileExpansion(file ?? options.get("data") ?? ""),
    noun: file === undefined ? "data" : "file",
    fileRules: {
      modeMask,
      ignoresNotDirectory: options.get("ignore_enotdir"),
      ignoresNoAccess: options.get("ignore_eacces"),
    },
    checksOwner: options.get("check_owner") ?? (isLocalUser || owners.length > 0),
    checksGroup: options.get("check_group") ?? ((isLocalUser && (modeMask & 0o20) === 0) || groups.length > 0),
    owners,
    groups,
    includeDirectory: options.get("include_directory"),
    mayFail: options.get("allow_fail"),
    mayDefer: options.get("allow_defer"),
    mayFilter: options.get("allow_filter") !== false,
    forbidsBlackhole: compileFlag(options.get("forbid_blackhole")),
    // What replaces an address for good has to be an address.
    forbidsFile: isOneTime || compileFlag(options.get("forbid_file")),
    forbidsInclude: compileFlag(options.get("forbid_include")),
    forbidsPipe: isOneTime || compileFlag(options.get("forbid_pipe")),
    forbidsCode: options.get("forbid_smtp_code") === true,
    skipsSyntaxErrors: options.get("skip_syntax_errors"),
    syntaxErrorsTo: options.get("syntax_errors_to"),
    syntaxErrorsText: expansion("syntax_errors_text"),
    checksAncestors: options.get("check_ancestor"),
    isOneTime,
    hidesChildren: options.get("hide_child_in_errmsg"),
    preservesDomain: options.get("qualify_preserve_domain"),
    qualifyDomain: expansion("qualify_domain"),
    rewrites: options.get("rewrite"),
    fileTransport: expansion("file_transport"),
    directoryTransport: expansion("directory_transport"),
    pipeTransport: expansion("pipe_transport"),
  };
}
