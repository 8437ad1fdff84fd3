import assert from "node:assert/strict";
import { startDnsServer, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import { runningProgram, speak } from "./running-program.ts";
import { Site } from "./site.ts";

/** Domains by what SPF says of a client in 192.0.2.0/24. */
const ZONE = {
  "pass.example": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "fail.example": { TXT: ["v=spf1 -all"] },
  "softfail.example": { TXT: ["v=spf1 ~all"] },
  "neutral.example": { TXT: ["v=spf1 ?all"] },
  "permerror.example": { TXT: ["v=spf1 nonsense:x -all"] },
  "temperror.example": "SERVFAIL",
} as const;
const RESULTS = ["pass", "fail", "softfail", "none", "neutral", "permerror", "temperror"] as const;

/** List, and the results for which the condition holds. */
const LISTS: readonly [list: string, results: readonly (typeof RESULTS)[number][]][] = [
  ["fail : softfail", ["fail", "softfail"]],
  ["!fail", ["pass", "softfail", "none", "neutral", "permerror", "temperror"]],
  ["softfail : !pass", ["fail", "softfail", "none", "neutral", "permerror", "temperror"]],
  ["err_perm", ["permerror"]],
  ["err_temp", ["temperror"]],
  ...RESULTS.map((result): [string, (typeof RESULTS)[number][]] => [result, [result]]),
];

example("4.1", "spf = RESULT : RESULT, with negation and the old names", {
  config: around({ rcpt: "  warn spf = fail : softfail\n  warn spf = !fail\n  warn spf = err_perm : err_temp" }),
  async shows(_site, t) {
    for (const [list, results] of LISTS) {
      const site = new Site(around({ rcpt: `  deny spf = ${list}\n       message = $spf_result` }));
      for (const result of RESULTS) {
        const facts = { spf: () => ({ result, variables: { spf_result: result } }) };
        const wanted = results.includes(result) ? `550 ${result}` : "accept";
        assert.equal((await site.message({ hooks: { facts } })).said[2], wanted, `${list}: ${result}`);
      }
    }
    const dns = await startDnsServer(ZONE);
    t.after(() => dns.stop());
    const config = around({
      rcpt: "  deny spf = fail : softfail : !pass\n       message = $spf_result of $sender_address_domain",
    });
    const senders = [...Object.keys(ZONE), "none.example"];
    const { replies } = await programSession(t, config, {
      client: "192.0.2.1",
      env: { POSTBUS_DNS_SERVERS: dns.address },
      lines: [
        "EHLO client.example",
        ...senders.flatMap((domain) => [`MAIL FROM:<a@${domain}>`, "RCPT TO:<u@test.example>", "RSET"]),
        "QUIT",
      ],
    });
    assert.deepEqual(
      replies.slice(2).filter((_, i) => i % 3 === 1),
      senders.map((domain) => {
        const result = domain.replace(".example", "");
        return result === "pass" ? "250 Accepted" : `550 ${result} of ${domain}`;
      }),
    );
  },
});

const SRS_TRANSPORT = "  max_rcpt = 1\n  return_path = ${srs_encode {SECRET}{$return_path}{$original_domain}}";
const SRS_ROUTER = `inbound_srs:
  driver = redirect
  senders = :
  domains = +local_domains
  condition = \${if inbound_srs {$local_part}{SECRET}}
  data = $srs_recipient
`;
const FORWARD = "forward:\n  driver = redirect\n  local_parts = moved\n  data = moved@other.example\n";

example("5.1", "srs_encode and inbound_srs", {
  config: around({ smtp: SRS_TRANSPORT, routers: SRS_ROUTER }),
  async shows(site, t) {
    const variables = { return_path: "ann@b.example", original_domain: "test.example" };
    const source = String(site.transportOption("remote_smtp", "return_path"));
    const encoded = await site.value(source, variables);
    assert.match(encoded, /^SRS0=[^=]+=[^=]+=b\.example=ann@test\.example$/);
    const back = await site.route(encoded, { returnPath: "" });
    assert.equal(back[0], "ann@b.example");
    const foreign = await site.value(source.replace("SECRET", "OTHER"), variables);
    const refused = await site.route(foreign, { returnPath: "" });
    assert.equal(refused[0], foreign, "another secret: not decoded");

    const peer = await startSmtpPeer();
    t.after(() => peer[Symbol.asyncDispose]());
    const smtp = `${SRS_TRANSPORT}\n  port = ${peer.port}`;
    const { port } = await runningProgram(t, around({ smtp, routers: SRS_ROUTER + FORWARD }));
    const content = ["DATA", "Subject: x\r\n\r\nx\r\n."];
    await speak(port, ["EHLO c", "MAIL FROM:<ann@b.example>", "RCPT TO:<moved@test.example>", ...content]);
    const forwarded = await eventually(async () => peer.messages[0]);
    assert.equal(forwarded.returnPath, encoded);
    await speak(port, ["EHLO c", "MAIL FROM:<>", `RCPT TO:<${forwarded.returnPath}>`, ...content]);
    const bounce = await eventually(async () => peer.messages[1]);
    assert.deepEqual([bounce.returnPath, bounce.recipients], ["", ["ann@b.example"]]);
  },
});
