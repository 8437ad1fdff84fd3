import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import { text } from "./text.ts";

const DIRECTORY = "/var/spool/baruwa-scanner/input";
/** Made by the LMDB library; `example.org` has `relay`. */
const DATABASE = "../../packages/lookups/test/types/fixtures/small.mdb.gz";

for (const [number, missing] of [
  ["15.1", ""],
  ["15.2", "Failed: "],
  ["15.3", ""],
] as const) {
  const lookup = text(`${number}.conf`).trimEnd();
  example(number, lookup, {
    config: around({ rcpt: `  warn set acl_m_relay = ${lookup}` }),
    async shows(site, t) {
      const file = join(await temporaryDirectory(t, "lmdb"), "relaydomains.mdb");
      await writeFile(file, gunzipSync(readFileSync(join(import.meta.dirname, DATABASE))));
      const here = lookup.replace("/var/lib/baruwa/data/db/relaydomains.mdb", file);
      const ask = (sender_address_domain: string) => site.value(here, { sender_address_domain });
      assert.equal(await ask("example.org"), "relay");
      if (missing === "") assert.equal(await ask("other.example"), "");
      else await assert.rejects(ask("other.example"), { name: "ForcedFailure" });
    },
  });
}

example("15.4", "a queuefile transport, and a router of the same name", {
  config: around({ routers: text("15.4-router.conf"), transports: text("15.4-transport.conf") }),
  async shows(site, t) {
    const [delivery] = await site.deliveries("u@test.example");
    assert.deepEqual([delivery?.router, delivery?.transport], ["scan", "scan"]);
    assert.equal(site.transportOption("scan", "directory"), DIRECTORY);

    const directory = await temporaryDirectory(t, "queuefile");
    const transports = text("15.4-transport.conf").replace(DIRECTORY, directory);
    const config = around({ routers: text("15.4-router.conf"), transports });
    const { port, mainlog } = await runningProgram(t, config);
    const recipients = ["u@test.example", "v@test.example", "w@other.example"];
    const replies = await speak(port, [
      "EHLO client.example",
      "MAIL FROM:<s@b.example>",
      ...recipients.map((address) => `RCPT TO:<${address}>`),
      "DATA",
      "From: s@b.example\r\nSubject: x\r\n\r\ntext\r\n.",
    ]);
    const [, id = ""] = /id=(\S+)/.exec(replies.at(-1) ?? "") ?? [];
    const log = await eventually(async () => {
      const lines = await readFile(mainlog, "latin1").catch(() => "");
      return lines.includes("Completed") ? lines : undefined;
    });
    // All recipients are in one pair of files: they do not collide.
    assert.deepEqual((await readdir(directory)).sort(), [`${id}-D`, `${id}-H`]);
    assert.equal(await readFile(join(directory, `${id}-D`), "latin1"), `${id}-D\ntext\n`);
    const envelope = await readFile(join(directory, `${id}-H`), "latin1");
    assert.ok(envelope.includes(`\nXX\n3\n${recipients.join("\n")}\n\n`), envelope);
    for (const address of recipients) assert.match(log, new RegExp(`[=-]> \\S+ <${address}> R=scan T=scan`));
  },
});
