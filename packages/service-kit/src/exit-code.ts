import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError, DeferError } from "@postbus/mail";

/** sysexits.h. The supervisor decides by them: 75 is worth another try, 78 is not. */
export const EX_UNAVAILABLE = 69;
export const EX_SOFTWARE = 70;
export const EX_TEMPFAIL = 75;
const EX_CONFIG = 78;

export interface StartFailure {
  readonly exitCode: number;
  /** One line for each problem, for standard error. */
  readonly lines: readonly string[];
  /** Nobody foresaw it: the stack belongs into the log. */
  readonly isBug: boolean;
}

/** What the operating system's errors mean to somebody who starts a process. */
const systemErrors: Readonly<Record<string, { readonly exitCode: number; readonly text: string }>> = {
  EADDRINUSE: { exitCode: EX_TEMPFAIL, text: "address already in use" },
  EADDRNOTAVAIL: { exitCode: EX_CONFIG, text: "this host does not have the address" },
  EACCES: { exitCode: EX_CONFIG, text: "permission denied" },
  EPERM: { exitCode: EX_CONFIG, text: "not permitted" },
  EROFS: { exitCode: EX_CONFIG, text: "the file system is read-only" },
  ENOENT: { exitCode: EX_CONFIG, text: "no such file or directory" },
  ENOTDIR: { exitCode: EX_CONFIG, text: "not a directory" },
  EISDIR: { exitCode: EX_CONFIG, text: "is a directory" },
  ENOTFOUND: { exitCode: EX_TEMPFAIL, text: "host name not found" },
  EAI_AGAIN: { exitCode: EX_TEMPFAIL, text: "host name cannot be looked up now" },
  ENOSPC: { exitCode: EX_TEMPFAIL, text: "no space left on the device" },
  EDQUOT: { exitCode: EX_TEMPFAIL, text: "disk quota exceeded" },
  EMFILE: { exitCode: EX_TEMPFAIL, text: "too many open files" },
  ECONNREFUSED: { exitCode: EX_TEMPFAIL, text: "connection refused" },
  ETIMEDOUT: { exitCode: EX_TEMPFAIL, text: "timed out" },
};

/**
 * Why a process did not start, in words and as an exit code.
 *
 * @param listenSetting Names what a listener's address was taken from.
 */
export function startFailure(err: unknown, listenSetting?: string): StartFailure {
  if (err instanceof ConfigError) return { exitCode: EX_CONFIG, lines: err.message.split("\n"), isBug: false };
  if (err instanceof DeferError) return { exitCode: EX_TEMPFAIL, lines: [oneLine(err.message)], isBug: false };
  const system = systemError(err, listenSetting);
  if (system !== undefined) return { ...system, isBug: false };
  return { exitCode: EX_SOFTWARE, lines: [oneLine(err instanceof Error ? err.message : String(err))], isBug: true };
}

function systemError(err: unknown, listenSetting?: string): { exitCode: number; lines: string[] } | undefined {
  if (!(err instanceof Error) || !("code" in err) || typeof err.code !== "string") return undefined;
  const known = systemErrors[err.code];
  if (known === undefined) return undefined;
  const setting = listenSetting !== undefined && isOf(err, "listen") ? ` (${listenSetting})` : "";
  return { exitCode: known.exitCode, lines: [`${subjectOf(err)}${setting}: ${known.text}${parentOf(err)}`] };
}

const isOf = (err: Error, syscall: string): boolean => "syscall" in err && err.syscall === syscall;

/** A directory could not be made: the one that does not let us is a parent. */
function parentOf(err: Error): string {
  if (!isOf(err, "mkdir") || !("path" in err) || typeof err.path !== "string") return "";
  let parent = dirname(err.path);
  while (!existsSync(parent) && parent !== dirname(parent)) parent = dirname(parent);
  return ` in ${parent}`;
}

/** What the system call was about: a file, or an address. */
function subjectOf(err: Error): string {
  if ("path" in err && typeof err.path === "string") return err.path;
  if ("address" in err && typeof err.address === "string" && "port" in err) {
    return err.address.includes(":") ? `[${err.address}]:${err.port}` : `${err.address}:${err.port}`;
  }
  if ("hostname" in err && typeof err.hostname === "string") return err.hostname;
  return "syscall" in err && typeof err.syscall === "string" ? err.syscall : "start";
}

const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n]+\s*/g, " ");
