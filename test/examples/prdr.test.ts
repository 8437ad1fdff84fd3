import assert from "node:assert/strict";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { Site } from "./site.ts";

/** Refuses one of two recipients when the content is there. */
const REFUSES_ONE = `acl_check_prdr:
  deny  local_parts = b
        message     = not for $local_part
  accept
`;

example("1.1", "prdr_enable", {
  config: around({ main: "prdr_enable = true" }),
  shows({ configuration }) {
    assert.equal(configuration.main.get("prdr_enable"), true);
    assert.equal(new Site(around()).configuration.main.get("prdr_enable"), false);
  },
  pending: { part: "C", behaviour: "EHLO offers PRDR with the option, and does not without it" },
});

example("1.2", "acl_data_smtp_prdr, the old name of acl_smtp_data_prdr", {
  config: around({ main: "acl_data_smtp_prdr = acl_check_prdr", acls: REFUSES_ONE }),
  async shows(site) {
    assert.equal(site.configuration.main.get("acl_smtp_data_prdr"), "acl_check_prdr");
    const { acls, stop } = site.session();
    await acls.mail({ returnPath: "a@b.example", isPrdr: true });
    const answers = [];
    for (const address of ["a@test.example", "b@test.example"]) {
      await acls.recipient(address);
      const { verdict, reply } = await acls.recipientOfContent(address);
      answers.push([verdict, reply?.code, reply?.lines[0]]);
    }
    await stop();
    assert.deepEqual(answers, [
      ["accept", undefined, undefined],
      ["refuse", 550, "not for b"],
    ]);
  },
  pending: {
    part: "C",
    behaviour: "behind the dot: 353, a reply for each recipient in the order of RCPT, one for all",
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
