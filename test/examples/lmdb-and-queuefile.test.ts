import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { temporaryDirectory } from "../support/fixture.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { text } from "./text.ts";

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
  async shows(site) {
    const [delivery] = await site.deliveries("u@test.example");
    assert.deepEqual([delivery?.router, delivery?.transport], ["scan", "scan"]);
    assert.equal(site.transportOption("scan", "directory"), "/var/spool/baruwa-scanner/input");
  },
  pending: { part: "D", behaviour: "the directory receives <id>-D and <id>-H, and the recipient counts as delivered" },
});
