import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/fixture.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import type { Site } from "./site.ts";
import { text } from "./text.ts";

/** What DATA is answered when the scanner says this. */
async function answer(site: Site, result: "accept" | "reject" | "defer"): Promise<string> {
  const { said } = await site.message({ hooks: { facts: { dcc: () => ({ result, variables: {} }) } } });
  return said.at(-1) ?? "";
}

const MESSAGE = ["MAIL FROM:<a@b.example>", "RCPT TO:<u@test.example>", "DATA", "Subject: x", "", "text", "."];

for (const [number, value] of [
  ["6.1", "/usr/local/dcc/var/dccifd"],
  ["6.2", "127.0.0.1 6276"],
] as const) {
  example(number, `dccifd_address = ${value}`, {
    config: around({ main: `dccifd_address = ${value}` }),
    shows: ({ configuration }) => assert.equal(configuration.main.get("dccifd_address"), value),
    pending: { part: "E", behaviour: "questions go to that socket" },
  });
}

example("6.3", "dcc = *", {
  config: around({ data: "  deny !dcc = *\n       message = bulk" }),
  async shows(site) {
    assert.deepEqual(
      [await answer(site, "accept"), await answer(site, "reject"), await answer(site, "defer")],
      ["accept", "550 bulk", "451 Temporary local problem - please try later"],
    );
  },
  pending: { part: "E", behaviour: "$dcc_header, $dcc_result, and the X-DCC field in the message" },
});

example("6.4", "dcc = */defer_ok", {
  config: around({ data: "  deny dcc = */defer_ok\n       message = taken" }),
  async shows(site) {
    assert.deepEqual(
      [await answer(site, "accept"), await answer(site, "reject"), await answer(site, "defer")],
      ["550 taken", "accept", "accept"],
    );
  },
});

example("6.5", "greylisting: defer !dcc = *", {
  config: around({ data: "  defer   !dcc = *" }),
  async shows(site) {
    assert.match(await answer(site, "reject"), /^451 /);
    assert.equal(await answer(site, "accept"), "accept");
  },
});

example("6.6", "dcc_direct_add_header", {
  config: around({ main: "dcc_direct_add_header = true", data: "  warn dcc = *" }),
  shows: ({ configuration }) => assert.equal(configuration.main.get("dcc_direct_add_header"), true),
  pending: { part: "E", behaviour: "later scanners see the X-DCC field" },
});

example("6.7", "acl_m_dcc_add_header", {
  config: around({ data: "  warn set acl_m_dcc_add_header = X-More: $domain\n       dcc = *" }),
  async shows(site) {
    const facts = { dcc: () => ({ result: "accept", variables: {} }) };
    const { session } = await site.message({ hooks: { facts } });
    assert.deepEqual([...session.message.variables], [["acl_m_dcc_add_header", "X-More: "]]);
  },
  pending: { part: "E", behaviour: "the text is added with the DCC field, as it is" },
});

example("6.8", "the client's address for DCC out of a file", {
  config: around({ data: text("6.8.conf") }),
  async shows(_site, t) {
    const file = join(await temporaryDirectory(t, "dcc"), "multipleip_sites");
    writeFileSync(file, text("6.8-data.txt"));
    const config = around({ data: text("6.8.conf").replace("/etc/mail/multipleip_sites", file) });
    const { replies, trace } = await programSession(t, config, {
      client: "192.0.2.1",
      lines: ["EHLO mout.gmx.net", ...MESSAGE, "EHLO other.example", ...MESSAGE, "QUIT"],
    });
    assert.equal(replies.filter((reply) => /^250 OK id=/.test(reply)).length, 2);
    assert.deepEqual(trace.match(/LOG: main: Warning: dbg: .*/g), [
      "LOG: main: Warning: dbg: acl_m_dcc_override_client_ip set to 212.227.15.16",
    ]);
  },
  pending: { part: "E", behaviour: "DCC is asked about that address" },
});
