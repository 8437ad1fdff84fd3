import { spawn } from "node:child_process";
import { startDnsServer } from "@postbus/testkit";
import { zone } from "../bt-files.ts";

/** Runs the command of its arguments while the zone of the tests is served at port 53. */
const server = await startDnsServer(zone, { port: 53 });
const [command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "ignore"] });
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
  void server.stop();
});
