import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type DccAnswer,
  type Dccifd,
  type DccQuestion,
  type ScriptedEngine,
  startDccifd,
  startScriptedEngine,
} from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import { type RunningProgram, runningProgram, speak } from "./running-program.ts";
import { text } from "./text.ts";

/** To be done when all examples have been tried. */
const ends: (() => Promise<unknown>)[] = [];
const scope = { after: (end: () => Promise<unknown>) => void ends.push(end) };
after(async () => {
  for (const end of ends) await end();
});

/** Statements for messages whose sender has this local part. */
type Cases = Readonly<Record<string, string>>;

/** The whole program with a dccifd, and what they say. */
class Site {
  readonly #program: RunningProgram;
  readonly #dccifd: Dccifd;
  answer: DccAnswer = { recipients: "" };

  constructor(program: RunningProgram, dccifd: Dccifd) {
    this.#program = program;
    this.#dccifd = dccifd;
  }

  /** The DATA ACL of a message is chosen by its sender. */
  static async start(main: string, cases: Cases, socket?: string): Promise<Site> {
    let answer = (): DccAnswer => ({ recipients: "" });
    const dccifd = await startDccifd(() => answer(), socket);
    scope.after(async () => dccifd[Symbol.asyncDispose]());
    const names = Object.keys(cases).map((name) => `${name}=${name}`);
    const chosen = `acl_smtp_data = \${extract{$sender_address_local_part}{${names.join(" ")}}}`;
    const acls = Object.entries(cases).map(([name, statements]) => `${name}:\n${statements}\n  accept\n`);
    const address = socket ?? `127.0.0.1 ${dccifd.port}`;
    const config = around({ main: `dccifd_address = ${address}\n${main}`, acls: acls.join("") });
    const program = await runningProgram(scope, config.replace("acl_smtp_data = acl_check_data", chosen));
    const site = new Site(program, dccifd);
    answer = () => site.answer;
    return site;
  }

  get port(): number {
    return this.#program.port;
  }

  /** What was asked about messages of a sender. */
  questions(sender: string): readonly DccQuestion[] {
    return this.#dccifd.questions.filter(({ returnPath }) => returnPath === `${sender}@b.example`);
  }

  /** The reply to a message, when dccifd says so of it. */
  async message(sender: string, answer: DccAnswer, helo = "client.example"): Promise<string> {
    this.answer = answer;
    const content = `Subject: of ${sender}\r\n\r\ntext\r\n.`;
    const commands = [`EHLO ${helo}`, `MAIL FROM:<${sender}@b.example>`, "RCPT TO:<u@test.example>", "DATA", content];
    return (await speak(this.port, commands)).at(-1) ?? "";
  }

  /** The first message of a sender that is delivered. */
  delivered(sender: string): Promise<string> {
    const directory = join(this.#program.maildir, "new");
    return eventually(async () => {
      const names = existsSync(directory) ? readdirSync(directory) : [];
      const messages = names.map((name) => readFileSync(join(directory, name), "latin1"));
      return messages.find((message) => message.includes(`Subject: of ${sender}\n`));
    });
  }

  /** Lines of the log, as soon as one has this text. */
  logged(wanted: string): Promise<readonly string[]> {
    return eventually(async () => {
      const lines = readFileSync(this.#program.mainlog, "latin1").split("\n");
      return lines.some((line) => line.includes(wanted)) ? lines : undefined;
    });
  }
}

let clamd: ScriptedEngine;
/** dccifd on a port; its field is the policy's business. */
let plain: Site;
/** dccifd on a socket; its field goes into the message. */
let direct: Site;

before(async () => {
  const directory = await temporaryDirectory(scope, "dcc");
  const sites = join(directory, "multipleip_sites");
  writeFileSync(sites, text("6.8-data.txt"));
  plain = await Site.start("", {
    tcp: "  deny !dcc = *",
    fields:
      "  deny !dcc = *\n       message = bulk\n  warn add_header = $dcc_header\n       add_header = X-Result: $dcc_result",
    tolerant: "  deny dcc = */defer_ok\n       message = taken",
    greylisted: "  defer   !dcc = *",
    override: `${text("6.8.conf").replace("/etc/mail/multipleip_sites", sites)}\n  defer !dcc = *`,
  });
  const isWhole = (request: string) => request.endsWith("\0\0\0\0");
  clamd = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
  scope.after(async () => clamd[Symbol.asyncDispose]());
  const main = `dcc_direct_add_header = true
av_scanner = clamd:127.0.0.1 ${clamd.port}
prdr_enable = true
acl_smtp_data_prdr = \${if eq{$sender_address_local_part}{each}{each}{anybody}}`;
  direct = await Site.start(
    main,
    {
      socket: "  deny !dcc = *",
      scanned: "  warn dcc = *\n  deny malware = *",
      more: "  warn set acl_m_dcc_add_header = X-More: $sender_address_domain\n       dcc = *",
      anybody: "",
      each: "  deny !dcc = *\n       message = bulk",
    },
    join(directory, "dccifd"),
  );
});

for (const [number, value, sender, site] of [
  ["6.1", "/usr/local/dcc/var/dccifd", "socket", () => direct],
  ["6.2", "127.0.0.1 6276", "tcp", () => plain],
] as const) {
  example(number, `dccifd_address = ${value}`, {
    config: around({ main: `dccifd_address = ${value}` }),
    async shows({ configuration }) {
      assert.equal(configuration.main.get("dccifd_address"), value);
      assert.match(await site().message(sender, { recipients: "A" }), /^250/);
      const { message: asked, ...envelope } = site().questions(sender)[0] ?? assert.fail();
      assert.deepEqual(envelope, {
        options: ["header"],
        client: "127.0.0.1",
        helo: "client.example",
        returnPath: `${sender}@b.example`,
        recipients: ["u@test.example"],
      });
      assert.match(asked, /^Received: from client\.example (?:.*\n)*Subject: of \w+\n\ntext\n$/);
    },
  });
}

const judged: readonly [overall: string, reply: RegExp, tolerant: RegExp][] = [
  ["A", /^250/, /^550 .*taken/],
  ["S", /^250/, /^550 .*taken/],
  ["R", /^550 .*bulk/, /^250/],
  ["G", /^550 .*bulk/, /^250/],
  ["T", /^451/, /^250/],
];

example("6.3", "dcc = *", {
  config: around({ data: "  deny !dcc = *\n       message = bulk" }),
  async shows() {
    for (const [overall, reply] of judged) {
      assert.match(await plain.message("fields", { recipients: "A", overall }), reply, overall);
    }
    assert.match(
      await plain.delivered("fields"),
      /\nX-DCC-test-Metrics: client\.test 1000; Body=1 Fuz1=1 Fuz2=1\nX-Result: A\n\ntext\n$/,
    );
    await plain.logged("H=(client.example) [127.0.0.1] F=<fields@b.example>: rejected by DCC");
    await plain.logged("Temporary error with DCC: T");
  },
});

example("6.4", "dcc = */defer_ok", {
  config: around({ data: "  deny dcc = */defer_ok\n       message = taken" }),
  async shows() {
    for (const [overall, _reply, tolerant] of judged) {
      assert.match(await plain.message("tolerant", { recipients: "A", overall }), tolerant, overall);
    }
  },
});

example("6.5", "greylisting: defer !dcc = *", {
  config: around({ data: "  defer   !dcc = *" }),
  async shows() {
    for (const [recipients, reply] of [
      ["G", /^451/],
      ["A", /^250/],
    ] as const) {
      assert.match(await plain.message("greylisted", { recipients }), reply);
    }
    assert.equal(plain.questions("greylisted").length, 2, "a message that comes again is a question of its own");
  },
});

example("6.6", "dcc_direct_add_header", {
  config: around({ main: "dcc_direct_add_header = true", data: "  warn dcc = *" }),
  async shows() {
    assert.match(await direct.message("scanned", { recipients: "A" }), /^250/);
    assert.match(clamd.requests[0] ?? "", /\r\nX-DCC-test-Metrics: client\.test 1000; [^\r]*\r\n\r\n/);
    assert.equal((await direct.delivered("scanned")).match(/^X-DCC-test-Metrics: /gm)?.length, 1);
  },
});

example("6.7", "acl_m_dcc_add_header", {
  config: around({ data: "  warn set acl_m_dcc_add_header = X-More: $domain\n       dcc = *" }),
  async shows() {
    assert.match(await direct.message("more", { recipients: "A" }), /^250/);
    assert.match(await direct.delivered("more"), /\nX-DCC-test-Metrics: .*\nX-More: b\.example\n\ntext\n$/);
  },
});

const SESSION = ["MAIL FROM:<a@b.example>", "RCPT TO:<u@test.example>", "DATA", "Subject: x", "", "text", "."];

example("6.8", "the client's address for DCC out of a file", {
  config: around({ data: text("6.8.conf") }),
  async shows(_site, t) {
    const file = join(await temporaryDirectory(t, "dcc"), "multipleip_sites");
    writeFileSync(file, text("6.8-data.txt"));
    const config = around({ data: text("6.8.conf").replace("/etc/mail/multipleip_sites", file) });
    const { replies, trace } = await programSession(t, config, {
      client: "192.0.2.1",
      lines: ["EHLO mout.gmx.net", ...SESSION, "EHLO other.example", ...SESSION, "QUIT"],
    });
    assert.equal(replies.filter((reply) => /^250 OK id=/.test(reply)).length, 2);
    const line = "Warning: dbg: acl_m_dcc_override_client_ip set to 212.227.15.16";
    assert.deepEqual(trace.match(/LOG: main: Warning: dbg: .*/g), [`LOG: main: ${line}`]);
    for (const helo of ["mout.gmx.net", "other.example"]) {
      assert.match(await plain.message("override", { recipients: "A" }, helo), /^250/);
    }
    assert.deepEqual(
      plain.questions("override").map(({ client }) => client),
      ["212.227.15.16", "127.0.0.1"],
    );
    const lines = await plain.logged(line);
    assert.equal(lines.filter((logged) => logged.includes("dbg: acl_m_dcc_override_client_ip")).length, 1);
  },
});

/**
 * What dccifd says, of whom, and the codes of the replies to each and to all behind the 353. If somebody is left, the DATA ACL here
 * asks for all, too.
 */
const each: readonly (readonly [about: string, answer: DccAnswer, to: readonly string[], codes: readonly string[]])[] =
  [
    ["one is refused", { recipients: "RA" }, ["u", "v"], ["550", "250", "550"]],
    ["all are put on the grey list", { recipients: "GG" }, ["u", "v"], ["550", "550", "550"]],
    ["nothing can be said for now", { recipients: "AR", overall: "T" }, ["u", "v"], ["450", "450", "250"]],
    ["two differ in case only", { recipients: "RA" }, ["u", "U"], ["550", "250", "550"]],
    ["one is named twice", { recipients: "RA" }, ["u", "u"], ["550", "550", "550"]],
  ];

for (const [about, answer, to, codes] of each) {
  test(`where the client wants an answer for each recipient (PRDR), each has its own from dccifd: ${about}`, async () => {
    direct.answer = answer;
    const before = direct.questions("each").length;
    const recipients = to.map((name) => `RCPT TO:<${name}@test.example>`);
    const content = ["DATA", "Subject: x\r\n\r\ntext\r\n."];
    const commands = ["EHLO client.example", "MAIL FROM:<each@b.example> PRDR", ...recipients, ...content];
    // The replies to each of them, and to all, come behind the first one.
    const replies = await speak(direct.port, [...commands, ...codes.map(() => "NOOP")]);
    assert.deepEqual(
      replies.slice(-codes.length - 1).map((reply) => reply.slice(0, 3)),
      ["353", ...codes],
    );
    assert.equal(direct.questions("each").length, before + 1);
  });
}
