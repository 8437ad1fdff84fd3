import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { deliverByLmtp } from "../../src/lmtp/lmtp-delivery.ts";
import { ProgramPipes } from "../../src/programs/program-pipes.ts";
import { ProgramSlots } from "../../src/programs/program-slots.ts";
import { LocalRig, localItem, NOBODY } from "../local/local-rig.ts";
import { inline } from "../smtp/rig.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

const PROGRAM = "/usr/sbin/dovecot";

/** Users `u…` have a Maildir each; there are no others. */
const configuration = (directory: string): string => `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/log
protocols = lmtp
ssl = no
mail_location = maildir:${directory}/mail/%n
mail_uid = ${NOBODY}
mail_gid = ${NOBODY}
first_valid_uid = 1
default_internal_user = root
default_login_user = root
default_internal_group = root
service anvil {
  chroot =
}
postmaster_address = postmaster@d.test
passdb {
  driver = passwd-file
  args = ${directory}/users
}
userdb {
  driver = passwd-file
  args = ${directory}/users
}
service lmtp {
  unix_listener ${directory}/lmtp {
    mode = 0666
  }
}
`;

test("Dovecot takes what is for its users, and refuses the rest", { skip: dovecotIsMissing() }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-dovecot-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, "mail"));
  chownSync(join(directory, "mail"), NOBODY, NOBODY);
  const user = (name: string): string => `${name}@d.test:{PLAIN}x:${NOBODY}:${NOBODY}::${directory}/mail/${name}\n`;
  writeFileSync(join(directory, "users"), user("u1") + user("u2"));
  writeFileSync(join(directory, "dovecot.conf"), configuration(directory));
  const dovecot = spawn(PROGRAM, ["-F", "-c", join(directory, "dovecot.conf")], { stdio: "ignore" });
  t.after(async () => {
    const ended = once(dovecot, "exit");
    dovecot.kill("SIGTERM");
    await ended;
  });
  const socket = join(directory, "lmtp");
  for (let i = 0; !existsSync(socket); i++) {
    assert.ok(i < 1_200 && dovecot.exitCode === null, logOf(directory));
    await pause(50);
  }
  await using rig = await LocalRig.start(
    `t:\n  driver = lmtp\n  batch_max = 10\n  return_path_add\n  socket = ${socket}\n`,
  );
  const item = localItem("t", ["u1@d.test", "nobody@d.test", "u2@d.test"]);
  const work = {
    id: "1vMhGf-0000000012a-0Ab3_0_1",
    handedOut: 1,
    isHeld: () => true,
    signal: new AbortController().signal,
  };
  const deps = { spool: { read: () => assert.fail() }, slots: new ProgramSlots(1), pipes, now: Date.now };
  const content = inline("Subject: t\r\nFrom: s@b.test\r\n\r\n.dot\r\nbody\r\n");
  const { results } = await deliverByLmtp(
    { work, item, content },
    await rig.transport("lmtp", item),
    "mx.a2.test",
    deps,
  );
  const [first, second, third] = results;
  assert.ok(
    first?.outcome === "delivered" && third?.outcome === "delivered",
    JSON.stringify(results) + logOf(directory),
  );
  assert.match(first.confirmation ?? "", /^250 2\.0\.0 <u1@d\.test> \S+ Saved$/);
  assert.match(third.confirmation ?? "", /^250 2\.0\.0 <u2@d\.test> \S+ Saved$/);
  assert.ok(second?.outcome === "failed");
  assert.match(
    second.text,
    /^LMTP error after RCPT TO:<nobody@d\.test>: 550 5\.1\.1 <nobody@d\.test> User doesn't exist/,
  );
  const [name = ""] = readdirSync(join(directory, "mail", "u2", "new"));
  assert.match(readFileSync(join(directory, "mail", "u2", "new", name), "latin1"), /\r?\n\r?\n\.dot\r?\nbody\r?\n$/);
});

const logOf = (directory: string): string =>
  existsSync(join(directory, "log")) ? readFileSync(join(directory, "log"), "latin1") : "no log";

function dovecotIsMissing(): string | false {
  if (!existsSync(PROGRAM) || !existsSync("/usr/lib/dovecot/lmtp")) {
    return "no Dovecot here (Debian: apt-get install dovecot-lmtpd)";
  }
  return process.geteuid?.() === 0 ? false : "Dovecot can only be started by root";
}
