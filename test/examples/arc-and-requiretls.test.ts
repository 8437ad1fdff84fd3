import assert from "node:assert/strict";
import { smtpParts } from "@postbus/policy";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import { Site } from "./site.ts";
import { text } from "./text.ts";

const arc = (result: string, variables: Readonly<Record<string, string | number>> = {}) => ({
  facts: { arc: () => ({ result, variables: { arc_state: result, ...variables } }) },
});

const TLS = {
  cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
  cipherStandard: "TLS_AES_256_GCM_SHA384",
  version: "TLS1.3",
  bits: 256,
  sni: "",
  peerName: "",
  peerCertificate: undefined,
  ownCertificate: undefined,
  isVerified: false,
  ocsp: "not requested",
  resumption: "off",
} as const;

const STATES = ["none", "fail", "pass"] as const;

example("16.1", "verify = arc/LIST", {
  config: around({ data: "  warn verify = arc/pass:none\n  warn verify = arc/none:fail:pass\n  warn verify = arc" }),
  async shows() {
    const lists: readonly [condition: string, states: readonly string[]][] = [
      ["arc/pass:none", ["none", "pass"]],
      ["arc/none:fail:pass", STATES],
      ["arc/fail", ["fail"]],
      ["arc", ["none", "pass"]],
    ];
    for (const [condition, states] of lists) {
      const site = new Site(around({ data: `  require verify = ${condition}` }));
      for (const state of STATES) {
        const said = (await site.message({ hooks: arc(state) })).said.at(-1);
        assert.equal(said === "accept", states.includes(state), `${condition}: ${state}`);
      }
    }
    const names = "$arc_state|$arc_state_reason|$arc_domains|$arc_oldest_pass";
    const site = new Site(around({ data: `  deny verify = arc/fail\n       message = ${names}` }));
    const values = {
      arc_state_reason: "AMS body hash miscompare",
      arc_domains: "a.example:b.example",
      arc_oldest_pass: 0,
    };
    assert.equal(
      (await site.message({ hooks: arc("fail", values) })).said.at(-1),
      "550 fail|AMS body hash miscompare|a.example:b.example|0",
    );
  },
  pending: { part: "E", behaviour: "the verifier tells the state of a real chain" },
});

const ADD_RESULTS = "add_header = :at_start:${authresults {mx.test.example}}";

example("16.2", "add_header = :at_start:${authresults {ID}}", {
  config: around({ data: `  warn ${ADD_RESULTS}` }),
  async shows() {
    const hooks = { facts: { arc: () => ({ result: "pass", variables: {}, authenticationResult: "arc=pass" }) } };
    const site = new Site(around({ data: `  warn verify = arc\n       ${ADD_RESULTS}` }));
    const { session } = await site.message({ hooks });
    const [added] = session.message.addedHeaders;
    assert.equal(added?.position, "at_start");
    assert.match(added?.text ?? "", /^Authentication-Results: mx\.test\.example;\n\tarc=pass\n?$/);
  },
  pending: { part: "E", behaviour: "the verifier's answer about ARC stands in it" },
});

example("16.3", "logs the field of the oldest pass", {
  config: around({ data: `  warn verify = arc\n${text("16.3.conf")}` }),
  async shows(site) {
    const { log } = await site.message({
      hooks: arc("pass", { arc_oldest_pass: 2 }),
      header: [1, 2, 3].map((i) => `ARC-Authentication-Results: i=${i}; h${i}.example; spf=pass smtp.helo=[::${i}]`),
    });
    assert.deepEqual(log, ["main: oldest-p-ams: <i=2; h2.example; spf=pass smtp.helo=[::2]>"]);
  },
});

example("16.4", "arc_sign", {
  config: around({ smtp: "  arc_sign = mx.test.example : sel : ./arc.key : timestamps,expire=+3600" }),
  shows(site) {
    const value = site.transportOption("remote_smtp", "arc_sign");
    assert.equal(value, "mx.test.example : sel : ./arc.key : timestamps,expire=+3600");
  },
  pending: { part: "E", behaviour: "the message that goes out has one ARC set more, with t= and x=" },
});

example("16.5", "tls_advertise_requiretls, $requiretls, control = requiretls", {
  config: around({ main: "tls_advertise_requiretls = *", rcpt: "  warn control = requiretls" }),
  // Where such a message goes from here is in `test/requiretls.test.ts`.
  async shows(site, t) {
    assert.equal(new Site(around()).configuration.main.get("tls_advertise_requiretls"), "*", "the default");
    assert.equal((await site.message()).session.message.controls.requiresTls, true);
    assert.deepEqual(await site.expand("$requiretls"), ["no"]);
    const lines = ["EHLO c", "MAIL FROM:<a@b.example> REQUIRETLS", "QUIT"];
    const { output } = await programSession(t, around(), { client: "192.0.2.1", lines });
    assert.doesNotMatch(output, /^250.REQUIRETLS/m);
    assert.match(output, /^555 unadvertised MAIL option: REQUIRETLS\r$/m);
    assert.equal(smtpParts(site.configuration, "mx.test").advertised.forAll.requireTls, true);
    const { acls, session, stop } = site.session();
    session.connection.tls = TLS;
    await acls.helo("c", true);
    await acls.mail({ returnPath: "a@b.example", isRequireTls: true });
    const variables = ["requiretls", "received_protocol"].map((name) => session.evaluation.around.variables.get(name));
    await stop();
    assert.deepEqual(variables, ["yes", "esmtpS"]);
  },
});
