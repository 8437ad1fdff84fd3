import { readFile } from "node:fs/promises";
import { parseLookupType } from "@postbus/lookups";
import { DeferError } from "@postbus/mail";
import { type Evaluation, systemProblem } from "@postbus/policy";

/** A user of the machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const passwd = parseLookupType("passwd");

/**
 * Looks for a user by name.
 *
 * @returns undefined: there is none, or there are no lookups here.
 * @throws {DeferError} nobody can say now.
 */
export async function findAccount(name: string, evaluation: Evaluation): Promise<Account | undefined> {
  const { lookups } = evaluation.around;
  if (lookups === undefined || name === "" || /[:\n]/.test(name)) return undefined;
  const scope = evaluation.language.lookupScope(evaluation);
  const outcome = await lookups.find({ spec: passwd, key: name }, scope);
  if (!outcome.found) return undefined;
  const [, uid = "", gid = "", , home = ""] = outcome.data.split(":");
  return { name, uid: Number(uid), gid: Number(gid), home };
}

/**
 * The number of a group. (There is no lookup for groups; the file is read as the `passwd` lookup reads that of users.)
 *
 * @returns undefined: there is none of this name.
 */
export async function findGroup(name: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile("/etc/group", "latin1");
  } catch (error) {
    throw new DeferError("/etc/group", systemProblem(error), { cause: error });
  }
  const line = text.split("\n").find((entry) => entry.startsWith(`${name}:`));
  const [, , gid = ""] = line?.split(":") ?? [];
  return /^\d+$/.test(gid) ? Number(gid) : undefined;
}
