import assert from "node:assert/strict";
import { judgeContent } from "@postbus/policy";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";

/** Refuses one of two recipients when the content is there. */
const REFUSES_ONE = `acl_check_prdr:
  deny  local_parts = b
        message     = not for $local_part
  accept
`;

example("1.1", "prdr_enable", {
  config: around({ main: "prdr_enable = true" }),
  async shows(_site, t) {
    const offered = async (config: string): Promise<boolean> => {
      const { output } = await programSession(t, config, { client: "192.0.2.1", lines: ["EHLO c", "QUIT"] });
      return /^250-PRDR\r$/m.test(output);
    };
    assert.equal(await offered(around({ main: "prdr_enable = true" })), true);
    assert.equal(await offered(around()), false);
  },
});

example("1.2", "acl_data_smtp_prdr, the old name of acl_smtp_data_prdr", {
  config: around({ main: "acl_data_smtp_prdr = acl_check_prdr", acls: REFUSES_ONE }),
  async shows(site) {
    assert.equal(site.configuration.main.get("acl_smtp_data_prdr"), "acl_check_prdr");
    const { acls, stop } = site.session();
    await acls.mail({ returnPath: "a@b.example", isPrdr: true });
    for (const address of ["a@test.example", "b@test.example"]) await acls.recipient(address);
    acls.session.message.messageId = "1xXH4e-000000001w9-2cSO";
    const said: string[] = [];
    const talk: Parameters<typeof judgeContent>[1] = {
      say: ({ code, lines }) => void said.push(`${code} ${lines.join(" ")}`),
      log: () => undefined,
    };
    const { reply } = await judgeContent(acls, talk);
    if (reply !== undefined) talk.say(reply);
    await stop();
    assert.deepEqual(said, [
      "353 PRDR content analysis beginning",
      "250 PRDR R=<a@test.example> acceptance",
      "550 not for b",
      "250 id=1xXH4e-000000001w9-2cSO message accepted for some recipients",
    ]);
  },
});

example("1.3", "hosts_try_prdr", {
  config: around({ smtp: "  hosts_try_prdr = *" }),
  pending: {
    part: "D",
    behaviour: "MAIL says PRDR to a host that offers it, and each recipient has a result of its own",
  },
});

example("1.4", "PRDR in $smtp_command", {
  config: around({
    mail: "  deny condition = ${if match{$smtp_command}{PRDR}}\n       message = $prdr_requested",
  }),
  async shows(site) {
    const prdr = await site.message({ mail: "<a@b.example> PRDR" });
    const other = await site.message({ mail: "<a@b.example>" });
    assert.deepEqual([prdr.said[1], other.said[1]], ["550 yes", "accept"]);
  },
});
