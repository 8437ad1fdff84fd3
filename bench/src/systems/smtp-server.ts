import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freePort, stopProcess } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import type { StartSystem } from "./system.ts";

/**
 * A yardstick for processor times: what a message takes differs from machine to machine and from hour to hour, and what the
 * package smtp-server takes to read it and forget it differs with that. Only the processor seconds of `accept` mean anything.
 */
export const smtpServer: StartSystem = async ({ hold }) => {
  if (!hold) throw new Error("it only accepts");
  const account = openAccount("smtp-server");
  const port = await freePort();
  const [shell = "", ...prefix] = account.prefix;
  const args = [...prefix, process.execPath, join(import.meta.dirname, "../drop-server.ts"), String(port)];
  const child = spawn(shell, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return {
    ...{ name: "smtp-server (drops)", port, account },
    async stop() {
      await stopProcess(child);
      account.close();
    },
  };
};
