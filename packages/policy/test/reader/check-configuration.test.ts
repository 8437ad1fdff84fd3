import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfiguration } from "../../src/reader/check-configuration.ts";

const check = (text: string, portable?: boolean) =>
  checkConfiguration({
    file: "/c",
    readFile: (path) => (path === "/c" ? Buffer.from(text, "latin1") : undefined),
    ...(portable === undefined ? {} : { portable }),
  });

test("a configuration that is in order can be used, with its notices", () => {
  const { configuration, faults, notices } = check("prdr_enable\nexim_user = x");
  assert.equal(configuration?.main.get("prdr_enable"), true);
  assert.deepEqual(faults, []);
  assert.deepEqual(notices, ["/c: these options have no meaning here and were ignored: exim_user"]);
});

test("one that is wrong cannot", () => {
  const { configuration, faults } = check("nix = x");
  assert.equal(configuration, undefined);
  assert.deepEqual(faults, ['/c:1: option "nix" unknown']);
});

test("what this machine lacks stands in the way here, and not for another machine", () => {
  const text = ".include /away\ntls_certificate = /away.pem\n";
  const lacking = ["/c:1: /away: there is no such file", "/c:2: tls_certificate: /away.pem: there is no such file"];
  assert.deepEqual(check(text).faults, lacking);
  assert.equal(check(text).configuration, undefined);
  const { configuration, faults, notices } = check(text, true);
  assert.notEqual(configuration, undefined);
  assert.deepEqual(faults, []);
  assert.deepEqual(notices, lacking);
});

test("an error is one on any machine", () => {
  assert.equal(check(".include /away\nnix = x", true).configuration, undefined);
});

test("equal sources have equal versions, other macros or texts another", () => {
  const version = (text: string, macros: Record<string, string> = {}) =>
    checkConfiguration({
      file: "/c",
      macros: new Map(Object.entries(macros)),
      readFile: (path) => (path === "/c" ? Buffer.from(text) : undefined),
    }).configuration?.version;
  assert.equal(version("prdr_enable"), version("prdr_enable"));
  assert.notEqual(version("prdr_enable"), version("prdr_enable\n"));
  assert.notEqual(version("prdr_enable"), version("prdr_enable", { A: "1" }));
});
