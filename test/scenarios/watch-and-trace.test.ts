import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runPostbus, startPostbus } from "@postbus/testkit";

async function start(t: TestContext, env: Readonly<Record<string, string>>) {
  const data = await mkdtemp(join(tmpdir(), "postbus-watch-"));
  const args = ["--data", data, "-DSMTP_PORT=0", "-DVERIFY=none"];
  const postbus = await startPostbus({ args, env: { POSTBUS_HTTP: "127.0.0.1:0", ...env } });
  t.after(async () => {
    await postbus.stop();
    await rm(data, { recursive: true });
  });
  const smtp = postbus.addresses.get("smtp") ?? "";
  return {
    server: ["--server", `http://${postbus.addresses.get("http")}`],
    send: (to: string, ...more: string[]) =>
      runPostbus({ command: "send", args: ["--server", smtp, "--to", to, ...more] }),
  };
}

test("all in one process: watch shows what is said, trace why an accepted message was accepted", async (t) => {
  const { server, send } = await start(t, { POSTBUS_DECISIONS: "all" });
  let isOver = false;
  const watching = runPostbus({
    command: "watch",
    args: ["--recipient", "Ann@", "--limit", "2", "--json", ...server],
  }).finally(() => {
    isOver = true;
  });
  let sent = { code: 1 as number | null, output: "" };
  // It cannot be known when the gateway has heard of it.
  while (!isOver) {
    sent = await send("ann@localhost", "--body", "a secret");
    assert.equal(sent.code, 0);
  }
  const { code, output, errors } = await watching;
  assert.equal(code, 0, errors);
  const all = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly session: string; readonly kind: string; readonly text: string });
  // The first one may have been seen from its middle on.
  const lines = all.filter(({ session }) => session === all.at(-1)?.session);
  assert.deepEqual(
    lines.filter(({ kind }) => kind === "client").map(({ text }) => text.replace(/[ :].*/, "")),
    ["EHLO", "MAIL", "RCPT", "DATA"],
  );
  assert.match(
    lines.find(({ kind, text }) => kind === "note" && text !== "connected")?.text ?? "",
    /^content of a message, [0-9]+ octets$/,
  );
  assert.equal(lines.at(-1)?.kind, "end");
  assert.ok(!output.includes("a secret"));

  const id = / id=([0-9A-Za-z-]+)/.exec(lines.map(({ text }) => text).join("\n"))?.[1] ?? "";
  let story = "";
  while (!story.includes("msg:complete"))
    story = (await runPostbus({ command: "trace", args: [id, ...server] })).output;
  const decided = story.split("\n").slice(1, 5);
  assert.match(decided[0] ?? "", /gateway {2}msg:decided {7}outcome=accepted policyVersion=[0-9a-f]{16}$/);
  assert.match(decided[1] ?? "", /^ {2}rcpt ann@localhost: accepted \([0-9]+ us\)$/);
  assert.match(
    decided[2] ?? "",
    /^ {6}\S+postbus\.conf:[0-9]+ acl_check_rcpt: deny: domains = \+local_domains -> yes; local_parts = .* -> no; no$/,
  );
  assert.match(
    decided[3] ?? "",
    /^ {4}\* \S+postbus\.conf:[0-9]+ acl_check_rcpt: accept: domains = \+local_domains -> yes; set acl_m_verify -> yes; yes$/,
  );
});

test("a watch ends when its time is up", async (t) => {
  const { server } = await start(t, {});
  const { code, output } = await runPostbus({ command: "watch", args: ["--seconds", "1", ...server] });
  assert.deepEqual([code, output], [0, ""]);
  const wrong = await runPostbus({ command: "watch", args: ["--from", "nowhere", ...server] });
  assert.match(wrong.errors, /^postbus: from: "nowhere" is no network like 192\.0\.2\.0\/24\n/);
  assert.equal(wrong.code, 69);
});
