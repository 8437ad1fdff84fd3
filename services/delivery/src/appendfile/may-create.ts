import { dirname } from "node:path";
import { textOf } from "@postbus/policy";
import type { MailboxJob } from "./mailbox-job.ts";
import { pathText } from "./path-text.ts";

/** Whether `create_file` allows a file to be made. Without a home directory, only a path can forbid it (as with Exim). */
export async function mayCreate(job: MailboxJob, path: string): Promise<boolean> {
  const { createFile } = job.transport.settings;
  if (createFile === "anywhere") return true;
  if (createFile.startsWith("/")) return isBelow(path, pathText(createFile));
  const home = await homeOf(job);
  if (home === undefined) return true;
  return createFile === "inhome" ? dirname(path) === home : isBelow(path, home);
}

async function homeOf(job: MailboxJob): Promise<string | undefined> {
  const own = await job.text("home_directory", `(home directory for ${job.transport.name} transport)`);
  const routers = job.transport.variables(job.address).get("home");
  const home = own ?? (routers === undefined ? "" : textOf(`${typeof routers === "object" ? routers.text : routers}`));
  const path = pathText(home).replace(/\/+$/, "");
  return path === "" ? undefined : path;
}

/** Paths are resolved: no `..` leads out. */
const isBelow = (path: string, directory: string): boolean => path.startsWith(`${directory.replace(/\/+$/, "")}/`);
