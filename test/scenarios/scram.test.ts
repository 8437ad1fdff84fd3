import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { RawClient } from "../bad-input/raw-client.ts";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";

/** Nobody sends without having shown who it is, and nobody shows it in clear text. */
const policy = ({ certificateFile, privateKeyFile }: ReturnType<typeof makeCertificate>): string => `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
tls_certificate = ${certificateFile}
tls_privatekey = ${privateKeyFile}
auth_advertise_hosts = \${if def:tls_in_cipher{*}}
acl_smtp_rcpt = accept authenticated = *
begin acl
begin routers
local:
  driver = accept
  transport = nowhere
begin transports
nowhere:
  driver = appendfile
  file = /dev/null
begin authenticators
scram:
  driver = gsasl
  public_name = SCRAM-SHA-256
  server_password = \${if inlist{$auth1}{ann : cäsar}{open sesame}{\${if eq{$auth1}{a,b=c}{größer Ⅸ}fail}}}
  server_condition = \${if inlist{$auth2}{ : ann : list}}
  server_set_id = $auth1
`;

const scope = { after };
const file = join(await temporaryDirectory(scope, "policy"), "policy");
await writeFile(file, policy(makeCertificate("mx.test")));
const { postbus, data } = await runningPostbus(scope, "--config", file);

const base64 = (octets: string | Buffer): string => Buffer.from(octets).toString("base64");
const sha256 = (octets: Buffer): Buffer => createHash("sha256").update(octets).digest();
const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** What a client does, if not what it should. */
interface Wishes {
  readonly name?: string;
  readonly password?: string;
  /** gs2-header (RFC 5802 §7). */
  readonly header?: string;
  /** What it says of that in the end. */
  readonly boundHeader?: string;
  /** AUTH has no initial response. */
  readonly isAsked?: boolean;
  /** Its messages, before they become base64. */
  readonly first?: (message: string) => string;
  readonly final?: (message: string) => string;
  /** Its line for the proof that the server has given. */
  readonly last?: string;
}

/** A session over TLS that has been greeted. */
class ScramClient {
  readonly #client: RawClient;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async connect(): Promise<ScramClient> {
    const client = await RawClient.connect(postbus.port("smtp"));
    assert.match((await client.reply()) ?? "", /^220 /);
    const scram = new ScramClient(client);
    await scram.say("EHLO client.test", "250");
    await scram.say("STARTTLS", "220");
    await client.secure();
    assert.match(await scram.say("EHLO client.test", "250"), /^250-AUTH SCRAM-SHA-256\r$/m);
    return scram;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async say(line: string, code?: string): Promise<string> {
    await this.#client.send(`${line}\r\n`);
    const reply = (await this.#client.reply()) ?? "closed";
    if (code !== undefined) assert.equal(reply.slice(0, 3), code, `${line}: ${reply}`);
    return reply;
  }

  /** RFC 5802 §3, RFC 7677, written from their texts. @returns the reply that ends it. */
  async authenticate(wishes: Wishes = {}): Promise<string> {
    const { name = "ann", password = "open sesame", header = "n,,", boundHeader = header } = wishes;
    const { first = same, final = same, last = "" } = wishes;
    const bare = `n=${name},r=${randomBytes(18).toString("base64")}`;
    const initial = base64(first(header + bare));
    if (wishes.isAsked === true) assert.equal(await this.say("AUTH SCRAM-SHA-256"), "334 \r\n");
    const answer = await this.say(wishes.isAsked === true ? initial : `AUTH SCRAM-SHA-256 ${initial}`);
    if (!answer.startsWith("334")) return answer;
    const serverFirst = challengeOf(answer);
    const [, nonce = "", salt = "", count = ""] = /^r=([^,]+),s=([^,]+),i=([0-9]+)$/.exec(serverFirst) ?? [];
    assert.ok(bare.endsWith(nonce.slice(0, 24)) && nonce.length > 40, serverFirst);
    assert.ok(Number(count) >= 4096, serverFirst);
    const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(count), 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const withoutProof = `c=${base64(boundHeader)},r=${nonce}`;
    const authMessage = `${bare},${serverFirst},${withoutProof}`;
    const signature = hmac(sha256(clientKey), authMessage);
    const proof = base64(Buffer.from(clientKey.map((octet, i) => octet ^ (signature[i] ?? 0))));
    const proved = await this.say(base64(final(`${withoutProof},p=${proof}`)));
    if (!proved.startsWith("334")) return proved;
    assert.equal(challengeOf(proved), `v=${base64(hmac(hmac(salted, "Server Key"), authMessage))}`);
    return this.say(last);
  }
}

const same = (message: string): string => message;
const challengeOf = (reply: string): string => Buffer.from(reply.slice(4), "base64").toString();

/** A line of that log, sooner or later. */
const logged = (log: string, pattern: RegExp): Promise<true> =>
  eventually(async () => pattern.test(await readFile(join(data, "log", log), "utf8").catch(() => "")) || undefined);

describe("SCRAM-SHA-256 over TLS lets in", () => {
  const rows: readonly (readonly [who: string, wishes: Wishes])[] = [
    ["who knows the password", {}],
    ["who waits to be asked", { isAsked: true }],
    ["who could bind to the channel, and sees that we cannot (RFC 5802 §6)", { header: "y,," }],
    ["who says for whom it acts, if the policy lets it", { header: "n,a=list," }],
    [
      "a name with a comma and an equals sign, and a password after SASLprep",
      { name: "a=2Cb=3Dc", password: "größer IX" },
    ],
    ["a name that is not ASCII", { name: "cäsar" }],
  ];
  for (const [who, wishes] of rows) {
    test(who, async () => {
      using client = await ScramClient.connect();
      assert.match(await client.authenticate(wishes), /^235 2\.7\.0 /);
      await client.say("MAIL FROM:<a@sender.test>", "250");
      await client.say("RCPT TO:<b@example.test>", "250");
      await client.say("DATA", "354");
      await client.say("Subject: x\r\n\r\ntext\r\n.", "250");
    });
  }

  test("and the log says who it was", async () => {
    for (const name of ["ann", "a,b=c", "cäsar"])
      await logged("mainlog", new RegExp(` P=esmtpsa .*A=scram:${name} S=`));
  });
});

describe("SCRAM-SHA-256 over TLS refuses", () => {
  const rows: readonly (readonly [what: string, wishes: Wishes, code?: string])[] = [
    ["another password", { password: "open barley" }],
    ["another user, but not before the end", { name: "eve" }],
    ["who acts for somebody without leave", { header: "n,a=root," }],
    ["a nonce of which the server's part is another", { final: (text) => text.replace(/(r=.{30})./, "$1~") }],
    ["a nonce of which the client's part is another", { final: (text) => text.replace(/r=./, "r=~") }],
    ["a nonce without the server's part", { final: (text) => text.replace(/(r=.{24})[^,]*/, "$1") }],
    ["a nonce with more behind it", { final: (text) => text.replace(/,p=/, "~,p=") }],
    ["a flag that was changed on the way, from y", { header: "y,,", boundHeader: "n,," }],
    ["a flag that was changed on the way, to y", { boundHeader: "y,," }],
    ["who binds to the channel, which was not offered", { header: "p=tls-exporter,," }],
    ["an extension that it must understand (RFC 5802 §5.1: m=)", { header: "n,,m=x," }],
    ["a flag that there is not", { header: "x,," }],
    ["an empty message", { isAsked: true, first: () => "" }],
    ["the final message at first", { first: () => `c=biws,r=abc,p=${base64("x".repeat(32))}` }],
    ["the first message once more", { final: () => "n,,n=ann,r=abc" }],
    ["a proof that is too short", { final: (text) => text.replace(/p=.*/, "p=AAAA") }],
    ["a proof that is too long", { final: (text) => text.replace(/p=.*/, `p=${base64("x".repeat(64))}`) }],
    ["no proof", { final: (text) => text.replace(/,p=.*/, "") }],
    ["octets of any kind", { final: () => "\0\xff\n" }],
    ["an answer to the server's last word", { last: base64("v=ok") }],
    ["no base64 behind the server's last word", { last: "!!!" }, "501"],
    ["who gives up then", { last: "*" }, "501"],
  ];
  for (const [what, wishes, code = "535"] of rows) {
    test(what, async () => {
      using client = await ScramClient.connect();
      const reply = await client.authenticate(wishes);
      assert.equal(reply.slice(0, 3), code, reply);
      await client.say("MAIL FROM:<a@sender.test>", "250");
      await client.say("RCPT TO:<b@example.test>", "550");
      await client.say("RSET", "250");
      // Nothing of it is left.
      assert.match(await client.authenticate(), /^235 /);
    });
  }

  test("what is no base64, and goes on as if nothing had been", async () => {
    using client = await ScramClient.connect();
    await client.say("AUTH SCRAM-SHA-256 !!!", "501");
    await client.say("AUTH SCRAM-SHA-256", "334");
    await client.say("biwsbj1hbm4", "501");
    await client.say(`AUTH SCRAM-SHA-256 ${base64("n,,n=ann,r=abc")}`, "334");
    await client.say("Yz1iaXdz!", "501");
    assert.match(await client.authenticate(), /^235 /);
  });

  test("an exchange that was overheard", async () => {
    const heard: string[] = [];
    const hear = (message: string): string => {
      heard.push(message);
      return message;
    };
    using client = await ScramClient.connect();
    assert.match(await client.authenticate({ first: hear, final: hear }), /^235 /);
    using other = await ScramClient.connect();
    const [first = "", final = ""] = heard;
    await other.say(`AUTH SCRAM-SHA-256 ${base64(first)}`, "334");
    await other.say(base64(final), "535");
  });

  test("AUTH in clear text", async () => {
    const client = await RawClient.connect(postbus.port("smtp"));
    assert.match((await client.reply()) ?? "", /^220 /);
    await client.send("EHLO client.test\r\n");
    assert.doesNotMatch((await client.reply()) ?? "", /AUTH/);
    await client.send(`AUTH SCRAM-SHA-256 ${base64("n,,n=ann,r=abc")}\r\n`);
    assert.match((await client.reply()) ?? "", /^503 /);
    client.close();
  });

  test("and the log says whom, but no password", async () => {
    await logged("rejectlog", /scram authenticator failed for .*: 535 Incorrect authentication data \(set_id=ann\)/);
    await logged("rejectlog", /scram authenticator failed for .*: 535 Incorrect authentication data \(set_id=eve\)/);
    assert.doesNotMatch(await readFile(join(data, "log", "rejectlog"), "utf8"), /sesame|barley/);
  });
});
