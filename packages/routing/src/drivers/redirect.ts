import { type RouterSettings, Tainted, textOf, type Value } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import type { RunDriver } from "../compiled-router.ts";
import { type Child, type DriverResult, deferred, errorNumbers } from "../driver-result.ts";
import { flagValue } from "../flag.ts";
import { inheritedFrom } from "../inherited-from.ts";
import { type RedirectFile, readIncludedFile, readRedirectFile } from "../redirect/redirect-file.ts";
import { type Entry, type Permissions, type RedirectList, readRedirectList } from "../redirect/redirect-list.ts";
import { accountNumbers } from "./account-numbers.ts";
import { makeChildren } from "./redirect-children.ts";
import { compileRedirectOptions, type RedirectOptions } from "./redirect-options.ts";
import { compileRedirectSrs } from "./redirect-srs.ts";

type Settings = Extract<RouterSettings, { kind: "redirect" }>;

/** Replaces an address by others (Exim's manual, "The redirect router"). */
export function compileRedirect(settings: Settings): RunDriver {
  const options = compileRedirectOptions(settings);
  const srs = compileRedirectSrs(settings);
  return async (attempt) => {
    const rewritten = await srs?.(attempt);
    if (rewritten !== undefined && "kind" in rewritten) return rewritten;
    const domain = await qualifyDomain(attempt, options);
    if (typeof domain === "object") return domain;
    const data = await redirectData(attempt, options);
    if ("kind" in data) return data;
    const text = textOf(data.value);
    if (FILTER.test(text)) return refusedFilter(options);
    const permissions = await permissionsOf(attempt, options);
    if ("kind" in permissions) return permissions;
    const list = await readRedirectList(text, permissions);
    return outcome(list, { attempt, options, domain, isTainted: data.value instanceof Tainted, ...rewritten });
  };
}

const FILTER = /^[\t-\r ]*#[ \t]*(?:exim|sieve)[ \t]*filter/i;

function refusedFilter({ mayFilter, noun }: RedirectOptions): DriverResult {
  const why = mayFilter ? "filter files are not available" : "filtering not enabled";
  return deferred(`error in filter ${noun}: ${why}`, errorNumbers.badRedirect);
}

/** The domain for names without one. */
async function qualifyDomain(attempt: Attempt, options: RedirectOptions): Promise<string | undefined | DriverResult> {
  if (options.preservesDomain) return attempt.address.domain;
  if (options.qualifyDomain === undefined) return attempt.run.qualifyRecipient;
  const expanded = await attempt.expand(options.qualifyDomain);
  if (expanded.kind === "value") return textOf(expanded.value);
  if (expanded.kind === "forced") return { kind: "declined", why: "qualify_domain is made to fail" };
  const { source } = options.qualifyDomain;
  return deferred(
    `${attempt.router.name} router: failed to expand "${source}": ${expanded.text}`,
    errorNumbers.expansion,
  );
}

/** The text of the list: `data`, or the content of `file`. */
async function redirectData(
  attempt: Attempt,
  options: RedirectOptions,
): Promise<{ readonly value: Value } | DriverResult> {
  const expanded = await attempt.expand(options.source);
  if (expanded.kind === "forced") return { kind: "declined", why: `${options.noun} is made to fail` };
  if (expanded.kind === "failed") return deferred(`failed to expand "${options.source.source}": ${expanded.text}`);
  if (options.noun === "data") return { value: expanded.value };
  const path = textOf(expanded.value);
  if (expanded.value instanceof Tainted) return deferred(`Tainted name '${path}' for file read not permitted`);
  if (!path.startsWith("/")) return deferred(`"${path}" is not an absolute path`);
  const file = await readFile(path, attempt, options);
  if (file.kind === "text") return { value: file.text };
  if (file.kind === "wrong") return deferred(file.reason);
  attempt.address.message = undefined;
  return { kind: "declined", why: `${path} does not exist` };
}

async function readFile(path: string, attempt: Attempt, options: RedirectOptions): Promise<RedirectFile> {
  const { account } = attempt;
  const owners = options.checksOwner
    ? [...(account === undefined ? [] : [account.uid]), ...(await accountNumbers(options.owners, "user", attempt))]
    : undefined;
  const groups = options.checksGroup
    ? [...(account === undefined ? [] : [account.gid]), ...(await accountNumbers(options.groups, "group", attempt))]
    : undefined;
  return readRedirectFile(path, { ...options.fileRules, owners, groups });
}

async function permissionsOf(attempt: Attempt, options: RedirectOptions): Promise<Permissions | DriverResult> {
  const forbidsBlackhole = await flagValue(options.forbidsBlackhole, attempt, "forbid_blackhole", false);
  if (typeof forbidsBlackhole === "object") return forbidsBlackhole;
  const forbidsInclude = await flagValue(options.forbidsInclude, attempt, "forbid_include", false);
  if (typeof forbidsInclude === "object") return forbidsInclude;
  return {
    mayFail: options.mayFail,
    mayDefer: options.mayDefer,
    mayDiscard: !forbidsBlackhole,
    mayInclude: !forbidsInclude,
    skipsSyntaxErrors: options.skipsSyntaxErrors,
    include: (path) => readIncludedFile(path, options.includeDirectory),
  };
}

interface Found {
  readonly attempt: Attempt;
  readonly options: RedirectOptions;
  readonly domain: string | undefined;
  readonly isTainted: boolean;
  /** Return path of what the list names: `srs = forward`. */
  readonly srsSender?: string | undefined;
}

async function outcome(list: RedirectList, found: Found): Promise<DriverResult> {
  const { attempt, options } = found;
  const { address } = attempt;
  switch (list.kind) {
    case "wrong":
      return deferred(`error in redirect ${options.noun}: ${list.reason}`, errorNumbers.badRedirect);
    case "blackhole":
      return { kind: "discarded" };
    case "defer":
      address.isTextForClient = true;
      return deferred(spoken(list.text, options));
    case "fail": {
      address.isTextForClient = true;
      const children = await childrenOf(list.entries, found);
      if ("kind" in children) return children;
      return { kind: "failed", text: spoken(list.text, options), children };
    }
    case "entries": {
      if (list.syntaxErrors.length > 0) {
        const problem = await tellErrors(list.syntaxErrors, list.entries.length > 0, found);
        if (problem !== undefined) return problem;
        const text = "syntax error in redirection data";
        if (list.entries.length === 0) return { kind: "declined", text, why: text };
      }
      if (list.entries.length === 0) return { kind: "declined", why: "the list is empty" };
      const children = await childrenOf(list.entries, found);
      return "kind" in children ? children : { kind: "redirected", children };
    }
    default:
      throw new Error(`unhandled list: ${JSON.stringify(list satisfies never)}`);
  }
}

async function tellErrors(
  errors: readonly string[],
  hasOthers: boolean,
  { attempt, options }: Found,
): Promise<DriverResult | undefined> {
  const { router, run } = attempt;
  const { context } = run;
  if (context.onSyntaxErrors === undefined) {
    context.warn?.(`${router.name} router: syntax errors skipped: ${errors.slice(0, 5).join("; ")}`);
    return undefined;
  }
  let text: string | undefined;
  if (options.syntaxErrorsText !== undefined && options.syntaxErrorsTo !== undefined) {
    const expanded = await attempt.expand(options.syntaxErrorsText);
    if (expanded.kind === "failed")
      return deferred(`failed to expand "${options.syntaxErrorsText.source}": ${expanded.text}`);
    if (expanded.kind === "value") text = textOf(expanded.value);
  }
  context.onSyntaxErrors({ router: router.name, errors, hasOthers, to: options.syntaxErrorsTo, text });
  return undefined;
}

/** A reply code at the beginning, if it is not to be obeyed, is left out. */
function spoken(text: string, { forbidsCode }: RedirectOptions): string {
  return forbidsCode ? text.replace(/^[245]\d\d[\t-\r ]+(?:[245]\.\d{1,3}\.\d{1,3}[\t-\r ]+)?/, "") : text;
}

async function childrenOf(entries: readonly Entry[], found: Found): Promise<readonly Child[] | DriverResult> {
  const inherited = await inheritedFrom(found.attempt);
  if ("kind" in inherited) return inherited;
  // For an unseen copy, and for the bounce if it is the address itself that fails.
  const { address } = found.attempt;
  address.inherited = { ...address.inherited, errorsTo: inherited.errorsTo, ignoresErrors: inherited.ignoresErrors };
  const { srsSender } = found;
  return makeChildren(entries, {
    ...found,
    inherited: srsSender === undefined ? inherited : { ...inherited, srsSender },
  });
}
