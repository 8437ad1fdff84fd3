import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freePort, program } from "@postbus/testkit";
import { createResolver, parseServers } from "../src/index.ts";

const knotd = program("knotd");

const ZONE = `$ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
@ MX 10 mail
mail A 192.0.2.1
www CNAME mail
big TXT ${Array.from({ length: 20 }, () => `"${"x".repeat(200)}"`).join(" ")}
_25._tcp.mail TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
`;

test("Knot, a real name server, is understood", {
  skip: knotd === undefined && "no knotd on this machine",
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-dns-"));
  const port = await freePort();
  await writeFile(join(directory, "example.test.zone"), ZONE);
  await writeFile(
    join(directory, "knot.conf"),
    `server:
  listen: 127.0.0.1@${port}
  rundir: ${directory}
database:
  storage: ${directory}
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: ${directory}
zone:
  - domain: example.test
`,
  );
  const server = spawn(knotd ?? "", ["-c", join(directory, "knot.conf")], { stdio: ["ignore", "inherit", "inherit"] });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  t.after(async () => {
    server.kill("SIGKILL");
    await exited;
    await rm(directory, { recursive: true, force: true });
  });

  const resolver = createResolver({ servers: parseServers(`127.0.0.1:${port}`) });
  // Nobody listens at first, and a zone that is still being read is refused or SERVFAIL.
  const deadline = AbortSignal.timeout(60_000);
  for (;;) {
    const answer = await resolver.resolve("example.test", "MX").catch(() => undefined);
    if (answer?.state === "found") {
      assert.deepEqual(answer.records, [{ preference: 10, exchange: "mail.example.test" }]);
      break;
    }
    await pause(20, undefined, { signal: deadline });
  }

  const alias = await resolver.resolve("www.example.test", "A");
  assert.deepEqual(alias.state === "found" && [alias.name, alias.records], ["mail.example.test", ["192.0.2.1"]]);
  const big = await resolver.resolve("big.example.test", "TXT");
  assert.equal(big.state === "found" && big.records[0]?.join("").length, 4000);
  const tlsa = await resolver.resolve("_25._tcp.mail.example.test", "TLSA");
  assert.equal(tlsa.state === "found" && tlsa.records[0]?.certificate.length, 32);
  assert.deepEqual(await resolver.resolve("nobody.example.test", "A"), {
    state: "no such name",
    authenticated: false,
    ttlSeconds: 60,
  });
  assert.equal((await resolver.resolve("mail.example.test", "AAAA")).state, "no data");
  await assert.rejects(resolver.resolve("example.org", "A"), /REFUSED/);
});
