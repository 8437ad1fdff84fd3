import assert from "node:assert/strict";
import { test } from "node:test";
import { carriedValues } from "../../src/carried/carried-value.ts";
import { MessageVariables } from "../../src/carried/message-variables.ts";
import { Tainted, type Value } from "../../src/expansion/value.ts";

const message = {
  messageId: "m",
  returnPath: "s@x.test",
  receivedAtMs: 5_500,
  reception: { protocol: "esmtps", size: 7, helo: "c.test", clientAddress: "192.0.2.1" },
};

test("what a message carries comes out as it went in, a peer's words as a peer's", () => {
  const given: [string, Value][] = [
    ["acl_m_a", "own"],
    ["acl_c_b", new Tainted("theirs")],
  ];
  const aclVariables = carriedValues(given);
  assert.deepEqual(aclVariables, { acl_m_a: "own", acl_c_b: { tainted: "theirs" } });
  const variables = new MessageVariables({ ...message, ...(aclVariables && { aclVariables }) });
  assert.equal(variables.get("acl_m_a"), "own");
  assert.deepEqual(variables.get("acl_c_b"), new Tainted("theirs"));
  assert.equal(carriedValues([]), undefined);
});

test("names that objects have by themselves are no variables", () => {
  const variables = new MessageVariables({ ...message, aclVariables: {} }, "a@b.test");
  for (const name of ["acl_constructor", "constructor", "__proto__", "acl_m_x"]) {
    assert.equal(variables.get(name), undefined, name);
  }
});

test("variables of the message and of the address", () => {
  const variables = new MessageVariables(message, "Ann@b.test", { local_part: "ann" });
  const want = {
    local_part: "ann",
    domain: "b.test",
    sender_address_domain: "x.test",
    message_size: 7,
    received_time: 5,
  };
  for (const [name, value] of Object.entries(want)) assert.equal(variables.get(name), value, name);
});

test("variables of the TLS that the message came over", () => {
  const over = {
    cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
    certificateVerified: true,
    peerName: "/CN=c",
    serverName: "mx",
  };
  const names = ["cipher", "ver", "bits", "certificate_verified", "peerdn", "sni"].map((name) => `tls_in_${name}`);
  const valuesOf = (reception: object) => {
    const variables = new MessageVariables({ ...message, reception: { ...message.reception, ...reception } });
    return names.map((name) => variables.get(name));
  };
  assert.deepEqual(valuesOf(over), ["TLS1.3:TLS_AES_256_GCM_SHA384:256", "TLS1.3", 256, 1, "/CN=c", "mx"]);
  assert.deepEqual(valuesOf({}), [undefined, undefined, undefined, 0, undefined, undefined]);
});

// Exim's manual: "sender_fullhost", "sender_rcvhost".
test("the client is shown as in the log, by what is known of it", () => {
  const of = (reception: object) => {
    const variables = new MessageVariables({ ...message, reception: { protocol: "smtp", size: 1, ...reception } });
    return ["sender_host_name", "sender_fullhost", "sender_rcvhost"].map((name) => variables.get(name));
  };
  const clientAddress = "192.0.2.1";
  assert.deepEqual(of({}), [undefined, new Tainted(""), new Tainted("")]);
  assert.deepEqual(of({ clientAddress, helo: "c.test" }), [
    undefined,
    new Tainted("(c.test) [192.0.2.1]"),
    new Tainted("[192.0.2.1] (helo=c.test)"),
  ]);
  assert.deepEqual(of({ clientAddress, clientName: "host.test", helo: "c.test" }), [
    "host.test",
    new Tainted("host.test (c.test) [192.0.2.1]"),
    new Tainted("host.test ([192.0.2.1] helo=c.test)"),
  ]);
});

test("what the spam condition has found out", () => {
  const names = ["spam_score", "spam_score_int", "spam_bar"];
  const spam = { score: "15.4", scoreInt: 153, bar: "+++++++++++++++" };
  const asked = new MessageVariables({ ...message, reception: { ...message.reception, spam } });
  assert.deepEqual(
    names.map((name) => asked.get(name)),
    ["15.4", 153, "+++++++++++++++"],
  );
  const unasked = new MessageVariables(message);
  assert.deepEqual(
    names.map((name) => unasked.get(name)),
    [undefined, undefined, undefined],
  );
});
