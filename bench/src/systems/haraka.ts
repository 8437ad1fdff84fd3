import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { answers, freePort, serversDirectory, stopProcess } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import type { StartSystem } from "./system.ts";

/** Where `npm install --prefix … Haraka` has put it: beside the other servers, outside of this project. */
const HARAKA = join(dirname(serversDirectory()), "haraka/node_modules/Haraka/bin/haraka");

/** Takes every recipient; writes each message to a file of its own, synced, before 250. Haraka's own queue does not sync. */
const PLUGIN = `const { open } = require("node:fs/promises");
exports.hook_rcpt = (next) => next(OK);
exports.hook_queue = (next, { transaction }) =>
  transaction.message_stream.get_data((octets) =>
    store(process.env.HARAKA_QUEUE + "/" + transaction.uuid, octets).then(
      () => next(OK),
      (err) => next(DENYSOFT, err.message),
    ),
  );
async function store(path, octets) {
  const file = await open(path, "wx");
  await file.writeFile(octets);
  await file.sync();
  await file.close();
}
`;

/** Haraka with a queue that is as durable as ours. It only accepts. */
export const haraka: StartSystem = async ({ hold, directory }) => {
  if (!existsSync(HARAKA)) throw new Error(`there is no ${HARAKA}`);
  if (!hold) throw new Error("it only accepts here");
  const account = openAccount("haraka");
  const port = await freePort();
  for (const sub of ["config", "plugins", "queue"]) mkdirSync(join(directory, sub));
  const files = {
    "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=0\n`,
    "config/plugins": "synced_queue\n",
    "config/loglevel": "ERROR\n",
    "config/me": "haraka.bench.test\n",
    "plugins/synced_queue.js": PLUGIN,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  // Without it Haraka ends at its first connection.
  copyFileSync(join(dirname(HARAKA), "../config/connection.ini"), join(directory, "config/connection.ini"));
  const [shell = "", ...prefix] = account.prefix;
  const child = spawn(shell, [...prefix, process.execPath, HARAKA, "-c", directory], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, HARAKA_QUEUE: join(directory, "queue") },
  });
  await answers(port);
  return {
    ...{ name: "haraka (synced queue)", port, account },
    async stop() {
      await stopProcess(child);
      account.close();
    },
  };
};
