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

/**
 * Takes every recipient; the client counts as one of the world, since spf looks at no other. What is not proved is refused.
 * Of both plugins the results are asked that they leave for others.
 */
const PROVED = `exports.hook_connect = (next, connection) => {
  connection.remote.is_private = false;
  connection.remote.is_local = false;
  next();
};
exports.hook_rcpt = (next) => next(OK);
exports.hook_data_post = (next, { transaction: { notes } }) => {
  if (notes.spf_mail_result !== "Pass") return next(DENY, "SPF: " + notes.spf_mail_result);
  const isSigned = (notes.dkim_results ?? []).some(({ result }) => result === "pass");
  return isSigned ? next() : next(DENY, "DKIM: no signature that is right");
};
`;

/** Behind the plugins that it looks at: hooks run in this order. */
const FILTERING = "spf\ndkim\nproved\nqueue/smtp_forward\n";

/**
 * Haraka. It only accepts, with a queue that is as durable as ours; or it verifies, and passes each message on before it says
 * 250 (its queue/smtp_forward).
 */
export const haraka: StartSystem = async ({ hold, directory, filter, sinkPort }) => {
  if (!existsSync(HARAKA)) throw new Error(`there is no ${HARAKA}`);
  if (!hold && filter === undefined) throw new Error("it only accepts here, or verifies");
  const account = openAccount("haraka");
  const port = await freePort();
  for (const sub of ["config", "plugins", "queue"]) mkdirSync(join(directory, sub));
  const files = {
    "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=0\n`,
    "config/plugins": filter === undefined ? "synced_queue\n" : FILTERING,
    "config/smtp_forward.ini": `host=127.0.0.1\nport=${sinkPort}\n`,
    "config/loglevel": "ERROR\n",
    "config/me": "haraka.bench.test\n",
    "plugins/synced_queue.js": PLUGIN,
    "plugins/proved.js": PROVED,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  // Without it Haraka ends at its first connection.
  copyFileSync(join(dirname(HARAKA), "../config/connection.ini"), join(directory, "config/connection.ini"));
  const [shell = "", ...prefix] = [...account.prefix, ...(filter?.prefix ?? [])];
  const child = spawn(shell, [...prefix, process.execPath, HARAKA, "-c", directory], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, HARAKA_QUEUE: join(directory, "queue") },
  });
  await answers(port);
  return {
    ...{ name: filter === undefined ? "haraka (synced queue)" : "haraka (spf, dkim, smtp_forward)", port, account },
    async stop() {
      await stopProcess(child);
      account.close();
    },
  };
};
