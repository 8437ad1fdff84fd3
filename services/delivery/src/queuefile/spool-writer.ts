import { userInfo } from "node:os";

/** Who writes spool files: Exim shows it as who has submitted the message. */
export function spoolWriter(): { readonly login: string; readonly uid: number; readonly gid: number } {
  return { login: loginName(), uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return "postbus"; // A container's user need not be in any list.
  }
}
