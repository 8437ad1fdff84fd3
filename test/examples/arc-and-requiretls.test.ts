import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { smtpParts } from "@postbus/policy";
import { startDnsServer, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import { runningProgram, speak } from "./running-program.ts";
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

const ADD_RESULTS = "add_header = :at_start:${authresults {mx.test.example}}";

const SEALED = {
  data: `  warn verify = arc
       ${ADD_RESULTS}
       logwrite = :main: chain <$arc_state> <$arc_state_reason> <$arc_domains> <$arc_oldest_pass>
  deny verify = arc/fail
       message = $arc_state_reason, $arc_domains, $arc_oldest_pass
`,
};

/** The whole program, which seals what goes out and looks at what comes in; and a host that gets it. */
async function sealingHop(t: TestContext, parts: { readonly data: string } = SEALED) {
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const file = join(await temporaryDirectory(t, "arc"), "arc.key");
  await writeFile(file, keys.privateKey);
  const record = `v=DKIM1; k=rsa; p=${keys.publicKey.toString("base64")}`;
  const dns = await startDnsServer({ "sel._domainkey.mx.test.example": { TXT: [record] } });
  t.after(() => dns.stop());
  const peer = await startSmtpPeer({ keywords: ["SIZE"] });
  t.after(() => peer[Symbol.asyncDispose]());
  const smtp = `  port = ${peer.port}\n  allow_localhost\n  arc_sign = mx.test.example : sel : ${file} : timestamps,expire=+3600`;
  const { port, mainlog } = await runningProgram(t, around({ ...parts, smtp }), { POSTBUS_DNS_SERVERS: dns.address });
  return {
    mainlog: () => readFile(mainlog, "latin1"),
    /** @returns the reply to the content. */
    async send(message: string): Promise<string> {
      const envelope = ["EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@far.example>", "DATA"];
      return (await speak(port, [...envelope, `${message}.`])).at(-1) ?? "";
    },
    /** What the host has got. */
    got: (count: number): Promise<string> => eventually(async () => peer.messages[count - 1]?.content),
  };
}

const FIRST = "From: a@b.example\r\nSubject: x\r\n\r\ntext\r\n";

example("16.1", "verify = arc/LIST", {
  config: around({ data: "  warn verify = arc/pass:none\n  warn verify = arc/none:fail:pass\n  warn verify = arc" }),
  async shows(_site, t) {
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
    const hop = await sealingHop(t);
    assert.match(await hop.send(FIRST), /^250 /);
    const once = await hop.got(1);
    assert.match(await hop.send(once), /^250 /);
    const twice = await hop.got(2);
    assert.match(
      await hop.send(twice.replace("text", "changed")),
      /^550 .*AMS body hash miscompare, mx\.test\.example:mx\.test\.example, 0$/,
    );
    const broken = twice.replace(/ARC-Seal: i=1;.*?;\r\n(?=[A-Z])/s, "");
    assert.match(await hop.send(broken), /^550 .*i=1 \(missing header\), :mx\.test\.example, 0$/);
    const log = await eventually(async () => {
      const written = await hop.mainlog();
      return /chain <pass>/.test(written) && / <= .* ARC/.test(written) ? written : undefined;
    });
    assert.match(log, /chain <none> <> <> <0>$/m);
    assert.match(log, /chain <pass> <> <mx\.test\.example> <1>$/m);
    assert.match(log, / <= a@b\.example .* ARC/);
  },
});

example("16.2", "add_header = :at_start:${authresults {ID}}", {
  config: around({ data: `  warn ${ADD_RESULTS}` }),
  async shows(_site, t) {
    const hooks = { facts: { arc: () => ({ result: "pass", variables: {}, authenticationResult: "arc=pass" }) } };
    const site = new Site(around({ data: `  warn verify = arc\n       ${ADD_RESULTS}` }));
    const { session } = await site.message({ hooks });
    const [added] = session.message.addedHeaders;
    assert.equal(added?.position, "at_start");
    assert.match(added?.text ?? "", /^Authentication-Results: mx\.test\.example;\n\tarc=pass\n?$/);
    const hop = await sealingHop(t);
    const results: string[] = [];
    // Each hop seals what it says; the last one is told that the chain holds, whatever the message says of itself.
    let message = `Authentication-Results: MX.test.example; arc=pass\r\n${FIRST}`;
    for (const count of [1, 2, 3]) {
      assert.match(await hop.send(message), /^250 /);
      message = await hop.got(count);
      const fields = message.replaceAll(/\r\n[ \t]+/g, " ").match(/^Authentication-Results: .*/gim) ?? [];
      assert.equal(fields.length, 1, "nobody else's stays under our name");
      results.push(fields[0]);
    }
    const of = (state: string) => `Authentication-Results: mx.test.example; arc=${state}`;
    assert.deepEqual(results, [
      of("none"),
      of("pass (i=1) header.s=sel arc.oldest-pass=1 smtp.remote-ip=127.0.0.1"),
      of("pass (i=2) header.s=sel arc.oldest-pass=1 smtp.remote-ip=127.0.0.1"),
    ]);
  },
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
  async shows(site, t) {
    const value = site.transportOption("remote_smtp", "arc_sign");
    assert.equal(value, "mx.test.example : sel : ./arc.key : timestamps,expire=+3600");
    const hop = await sealingHop(t);
    await hop.send(FIRST);
    const once = await hop.got(1);
    const fields = once
      .replaceAll(/\r\n[ \t]+/g, " ")
      .split("\r\n")
      .slice(0, 4);
    assert.match(fields[0] ?? "", /^ARC-Seal: i=1; cv=none; a=rsa-sha256; d=mx\.test\.example; s=sel; t=[0-9]+; b=/);
    assert.equal(fields[1], "ARC-Authentication-Results: i=1; mx.test.example; smtp.remote-ip=127.0.0.1; arc=none");
    const [, t1 = "", x1 = ""] =
      /^ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed\/relaxed; d=mx\.test\.example; s=sel; t=([0-9]+); x=([0-9]+); h=/.exec(
        fields[2] ?? "",
      ) ?? [];
    assert.equal(Number(x1) - Number(t1), 3600);
    assert.equal(fields[3], "Authentication-Results: mx.test.example; arc=none");
    await hop.send(once);
    const twice = await hop.got(2);
    assert.deepEqual(twice.match(/^ARC-Seal: i=[0-9]+; cv=[a-z]+/gm), [
      "ARC-Seal: i=2; cv=pass",
      "ARC-Seal: i=1; cv=none",
    ]);
  },
});

example("16.5", "tls_advertise_requiretls, $requiretls, control = requiretls", {
  config: around({ main: "tls_advertise_requiretls = *", rcpt: "  warn control = requiretls" }),
  // Where such a message goes from here is in `test/scenarios/requiretls.test.ts`.
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
