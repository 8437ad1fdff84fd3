import { stat } from "node:fs/promises";
import { compileExpansion, type Expansion, splitList, systemProblem, textOf } from "@postbus/policy";
import { findAccount, findGroup } from "../accounts.ts";
import type { Attempt } from "../attempt.ts";
import { deferred, errorNumbers } from "../driver-result.ts";
import type { CompilePrecondition, PreconditionResult } from "./precondition.ts";
import { skipped } from "./precondition.ts";

/**
 * `require_files`: files that must be there, or with `!` must not be; with `+`, one that may not be looked at counts as
 * not being there. An item without a slash names the user (and group) who must be able to read those behind it.
 */
export const requireFiles: CompilePrecondition = ({ generic }) => {
  const text = generic.get("require_files");
  if (text === undefined) return undefined;
  const items = [...splitList(text).items].map(compileExpansion);
  return { name: "require_files", test: (attempt) => testAll(items, attempt) };
};

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

async function testAll(items: readonly Expansion[], attempt: Attempt): Promise<PreconditionResult> {
  let reader: Owner | undefined;
  for (const item of items) {
    const expanded = await attempt.expand(item);
    if (expanded.kind === "forced") continue;
    if (expanded.kind === "failed") {
      return deferred(`failed to expand "${item.source}" for require_files: ${expanded.text}`, errorNumbers.expansion);
    }
    const text = textOf(expanded.value);
    if (text === "") continue;
    if (!text.includes("/")) {
      const owner = await ownerOf(text, attempt);
      if (typeof owner === "string") return deferred(owner);
      reader = owner;
      continue;
    }
    const [, plus = "", bang = "", path = ""] = /^(\+?)[\t-\r ]*(!?)[\t-\r ]*([\s\S]*)$/.exec(text) ?? [];
    if (!path.startsWith("/")) return deferred(`require_files: "${path}" is not absolute`);
    const problem = await looked(path, reader);
    if (typeof problem === "object" && !(problem.isDenied && plus !== "")) {
      return deferred(`require_files: error for ${path}: ${problem.text}`);
    }
    const isThere = problem === "there";
    if (isThere === (bang !== "")) return skipped(`require_files: ${text}`);
  }
  return undefined;
}

/** @returns A text: why there is no such user. */
async function ownerOf(text: string, { evaluation }: Attempt): Promise<Owner | string> {
  const [user = "", group] = text.split(",");
  const isNumber = /^\d+$/.test(user);
  const account = isNumber ? undefined : await findAccount(user, evaluation);
  if (!isNumber && account === undefined) return `user "${text}" for require_files not found`;
  const uid = account?.uid ?? Number(user);
  if (group === undefined) {
    return account === undefined
      ? `group missing after numerical uid ${uid} for require_files`
      : { uid, gid: account.gid };
  }
  if (/^\d+$/.test(group)) return { uid, gid: Number(group) };
  const gid = await findGroup(group);
  return gid === undefined ? `group "${group}" for require_files not found` : { uid, gid };
}

type Look = "there" | "missing" | { readonly text: string; readonly isDenied: boolean };

async function looked(path: string, reader: Owner | undefined): Promise<Look> {
  try {
    const octets = Buffer.from(path, "latin1");
    const { mode, uid, gid } = await stat(octets);
    if (reader === undefined) return "there";
    const shift = uid === reader.uid ? 6 : gid === reader.gid ? 3 : 0;
    if (((mode >> shift) & 0o4) === 0) return { text: "Permission denied", isDenied: true };
    return "there";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT") return "missing";
    return { text: systemProblem(error), isDenied: code === "EACCES" };
  }
}
