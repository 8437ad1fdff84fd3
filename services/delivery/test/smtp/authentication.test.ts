import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, program, type SmtpPeerOptions, startExim, startSmtpPeer } from "@postbus/testkit";
import { policyTransport } from "./policy-transport.ts";
import { Rig, shown } from "./rig.ts";

const LOCAL = "127.0.0.1 [127.0.0.1]";
const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64");
const PLAIN = "plain:\n driver = plaintext\n public_name = PLAIN\n client_send = ^user^secret\n client_set_id = user\n";
const LOGIN = "login:\n driver = plaintext\n public_name = LOGIN\n client_send = : user : secret\n";
const CRAM = "cram:\n driver = cram_md5\n public_name = CRAM-MD5\n client_name = user\n client_secret = secret\n";

async function one(peerOptions: SmtpPeerOptions, authenticators: string, options = "hosts_try_auth = *") {
  await using rig = new Rig();
  await using peer = await startSmtpPeer(peerOptions);
  const transport = await policyTransport(peer.port, options, `begin authenticators\n${authenticators}`);
  const { results, notes } = await rig.deliver(transport);
  const commands = peer.commands.slice(1, -1);
  return {
    result: shown(results[0]),
    plain: results[0],
    notes,
    commands: commands.slice(0, commands.findIndex(isMail)),
  };
}
const isMail = (line: string) => line.startsWith("MAIL");

/** Takes one line after the other, and asks for the next with these challenges. */
const asking = (keyword: string, ...replies: string[]): SmtpPeerOptions => {
  let next = 0;
  return {
    keywords: ["PIPELINING", keyword],
    answer: ({ moment }) => (moment === "AUTH" || moment === "other" ? (replies[next++] ?? "235 ok") : undefined),
  };
};

describe("authentication as a client", () => {
  test("PLAIN sends all at once, and the result says who we are", async () => {
    const { commands, plain } = await one(asking("AUTH PLAIN LOGIN"), PLAIN);
    assert.deepEqual(commands, [`AUTH PLAIN ${base64("\0user\0secret")}`]);
    assert.partialDeepStrictEqual(plain, { outcome: "delivered", authenticator: "plain", authenticatedId: "user" });
  });

  test("LOGIN waits for the prompts", async () => {
    const peer = asking("AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6");
    assert.deepEqual((await one(peer, LOGIN)).commands, ["AUTH LOGIN", base64("user"), base64("secret")]);
  });

  test("CRAM-MD5 signs the challenge (RFC 2195 §2)", async () => {
    const challenge = base64("<1896.697170952@postoffice.reston.mci.net>");
    const cram = CRAM.replace("= user", "= tim").replace("= secret", "= tanstaaftanstaaf");
    const { commands } = await one(asking("AUTH CRAM-MD5", `334 ${challenge}`), cram);
    assert.deepEqual(commands, ["AUTH CRAM-MD5", base64("tim b913a602c7eda7a495b4e6e7334d3890")]);
  });

  test("EXTERNAL says for whom, or that the host should know", async () => {
    const by = (send: string) => `e:\n driver = external\n public_name = EXTERNAL\n client_send = ${send}\n`;
    assert.deepEqual((await one(asking("AUTH EXTERNAL"), by("me"))).commands, [`AUTH EXTERNAL ${base64("me")}`]);
    assert.deepEqual((await one(asking("AUTH EXTERNAL"), by('"${if bool{no}{x}}"'))).commands, ["AUTH EXTERNAL ="]);
  });

  test("the order is that of the file, among what the host offers", async () => {
    assert.match((await one(asking("AUTH LOGIN PLAIN"), PLAIN + LOGIN)).commands.join(), /^AUTH PLAIN/);
    assert.deepEqual((await one(asking("AUTH LOGIN"), PLAIN + LOGIN)).commands[0], "AUTH LOGIN");
  });

  test("a refused one is followed by the next, and told in the log", async () => {
    const { commands, notes, result } = await one(asking("AUTH PLAIN LOGIN", "535 no", "334 ", "334 "), PLAIN + LOGIN);
    assert.deepEqual(commands.map((line) => line.split(" ").slice(0, 2).join(" ")).slice(0, 2), [
      `AUTH PLAIN`,
      "AUTH LOGIN",
    ]);
    assert.deepEqual(notes, [`plain authenticator failed H=${LOCAL} 535 no`]);
    assert.match(result, /^delivered/);
  });

  test("client_condition and a forced failure pass an authenticator over", async () => {
    const inTls = PLAIN.replace("client_send", 'client_condition = "${if def:tls_out_cipher}"\n client_send');
    assert.equal((await one(asking("AUTH PLAIN LOGIN", "334 ", "334 "), inTls + LOGIN)).commands[0], "AUTH LOGIN");
    const forced = PLAIN.replace("^user^secret", '"${if eq{$host}{x}{a}fail}"');
    assert.equal((await one(asking("AUTH PLAIN LOGIN", "334 ", "334 "), forced + LOGIN)).commands[0], "AUTH LOGIN");
  });

  test("what is sent may depend on the host and on what it says", async () => {
    const login = "l:\n driver = plaintext\n public_name = LOGIN\n client_send = <; ; $host_address ; ${uc:$auth2}\n";
    const peer = asking("AUTH LOGIN", `334 ${base64("first")}`, `334 ${base64("second")}`);
    assert.deepEqual((await one(peer, login)).commands, ["AUTH LOGIN", base64("127.0.0.1"), base64("SECOND")]);
  });

  const required: readonly (readonly [name: string, peer: () => SmtpPeerOptions, by: string, want: string])[] = [
    ["a host without AUTH", () => ({ keywords: [] }), PLAIN, "server did not advertise AUTH support"],
    ["a host with others", () => asking("AUTH XTEST"), PLAIN, "no common mechanisms were found"],
    ["a host that refuses", () => asking("AUTH PLAIN", "535 no"), PLAIN, "authentication attempt(s) failed"],
  ];
  for (const [name, peer, by, want] of required) {
    test(`hosts_require_auth: nothing for ${name}`, async () => {
      const { result, plain } = await one(peer(), by, "hosts_require_auth = *");
      assert.equal(result, `deferred (-42): authentication required but ${want}`);
      assert.partialDeepStrictEqual(plain, { isHostError: true });
    });
    test(`hosts_try_auth: all the same for ${name}`, async () => {
      assert.match((await one(peer(), by)).result, /^delivered/);
    });
  }

  test("a 4xx and a broken connection end the session; no secret is in the text", async () => {
    const later = await one(asking("AUTH PLAIN", "454 later"), PLAIN);
    const stars = "*".repeat(base64("\0user\0secret").length);
    const text = `SMTP error from remote mail server after AUTH PLAIN ${stars}: 454 later`;
    assert.equal(later.result, `deferred (0) H=${LOCAL}: ${text}`);
    const cut = await one(
      { keywords: ["AUTH PLAIN"], answer: ({ moment }) => (moment === "AUTH" ? { do: "cut" } : undefined) },
      PLAIN,
    );
    const closed = `Remote host closed connection in response to AUTH PLAIN ${stars}`;
    assert.equal(cut.result, `deferred (-18) H=${LOCAL}: ${closed}`);
  });

  test("what we would say cannot be found out: the message waits", async () => {
    const plain = PLAIN.replace("^user^secret", "^${lookup{x}lsearch{/nonexistent}}");
    const { result } = await one(asking("AUTH PLAIN"), plain);
    assert.match(result, /^deferred \(-48\).* in plain authenticator$/);
  });

  test("a challenge that is no base64 breaks the exchange off, unless it may be so", async () => {
    const strange = () => asking("AUTH LOGIN", "334 user?", "501 as you like");
    const off = await one(strange(), LOGIN);
    assert.deepEqual(off.commands, ["AUTH LOGIN", "*"]);
    assert.match(
      off.notes[0] ?? "",
      /^login authenticator cancelled authentication .*Invalid base64 string from server/,
    );
    const tolerant = `${LOGIN} client_ignore_invalid_base64\n`;
    assert.deepEqual((await one(asking("AUTH LOGIN", "334 user?", "334 pw?"), tolerant)).commands.length, 3);
  });

  test("a host that asks for ever is not answered for ever", async () => {
    const send = Array.from({ length: 40 }, () => "x").join(" : ");
    const by = `p:\n driver = plaintext\n public_name = PLAIN\n client_send = ${send}\n`;
    const { commands } = await one(asking("AUTH PLAIN", ...Array<string>(40).fill("334 ")), by);
    assert.ok(commands.length < 30);
    assert.ok(commands.includes("*"));
  });

  test("messages for which we are somebody else do not share a connection", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer(asking("AUTH PLAIN"));
    const by = PLAIN.replace("^user", "^$sender_address_domain");
    const sections = `begin authenticators\n${by}`;
    const first = await policyTransport(peer.port, "hosts_try_auth = *", sections);
    const same = await policyTransport(peer.port, "hosts_try_auth = *", sections);
    const other = await policyTransport(peer.port, "hosts_try_auth = *", sections, { returnPath: "s@other.test" });
    for (const transport of [first, same, other]) await rig.deliver(transport);
    assert.equal(peer.connectionCount, 2);
  });
});

test("Exim lets us in with PLAIN, LOGIN and CRAM-MD5", {
  skip: program("exim-4.98") === undefined ? "exim-4.98 is not on this machine" : false,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-exim-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const server = `queue_only
auth_advertise_hosts = *
begin authenticators
p:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{user}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
l:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{$auth1}{user}}{eq{$auth2}{secret}}}}
  server_set_id = $auth1
c:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${if eq{$auth1}{user}{secret}fail}
  server_set_id = $auth1
`;
  const exim = await startExim("exim-4.98", server, { port: await freePort(), directory });
  t.after(() => exim.stop());
  for (const authenticator of [PLAIN, LOGIN, CRAM]) {
    await using rig = new Rig();
    const options = "hosts_require_auth = *\nauthenticated_sender = boss@a.test";
    const transport = await policyTransport(exim.port, options, `begin authenticators\n${authenticator}`);
    assert.match(shown((await rig.deliver(transport)).results[0]), /^delivered/);
  }
  const log = readFileSync(join(directory, "log/mainlog"), "latin1");
  assert.deepEqual(log.match(/ A=\S+/g), [" A=p:user", " A=l:user", " A=c:user"]);
});
