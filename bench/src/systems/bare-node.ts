import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freePort, stopProcess } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import type { StartSystem } from "./system.ts";

/** Node.js without anything of ours (`bare-tls.ts`): what handshakes are measured against. */
export const bareNode: StartSystem = async ({ certificate }) => {
  if (certificate === undefined) throw new Error("it only makes handshakes");
  const account = openAccount("bare");
  const [port, tlsPort] = [await freePort(), await freePort()];
  const [shell = "", ...prefix] = account.prefix;
  const { certificateFile, privateKeyFile } = certificate;
  const script = join(import.meta.dirname, "../bare-tls.ts");
  const args = [...prefix, process.execPath, script, String(port), String(tlsPort), certificateFile, privateKeyFile];
  const child = spawn(shell, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return {
    ...{ name: "bare Node.js", port, tlsPort, account },
    async stop() {
      await stopProcess(child);
      account.close();
    },
  };
};
