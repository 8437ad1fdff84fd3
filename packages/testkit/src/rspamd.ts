import { spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { type MailServer, type MailServerOptions, stopProcess } from "./mail-server.ts";

const RSPAMD = "/usr/bin/rspamd";

/** Why rspamd cannot be started here; undefined if it can. */
export function rspamdIsMissing(): string | undefined {
  return existsSync(RSPAMD) ? undefined : "rspamd is not installed (Debian: apt-get install rspamd)";
}

export interface RspamdRules {
  /** Symbols: each fires, with its score, where its word is in the message. */
  readonly symbols: Readonly<Record<string, { readonly word: string; readonly score: number }>>;
  /** From these scores on. */
  readonly actions: Readonly<Record<string, number>>;
  /** By the id of settings, the actions that hold instead. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** rspamd, with rules of the test's own and nothing else: it asks nobody, and learns nothing. */
export async function startRspamd(
  { symbols, actions, settings }: RspamdRules,
  { port, directory }: MailServerOptions,
): Promise<MailServer> {
  const quoted = (scores: Readonly<Record<string, number>>): string =>
    Object.entries(scores)
      .map(([name, score]) => `"${name}" = ${score};`)
      .join(" ");
  const applied = Object.entries(settings).map(
    ([id, scores]) => `  ${id} { id = "${id}"; apply { actions { ${quoted(scores)} } } }\n`,
  );
  const rules = Object.entries(symbols).map(
    ([name, { word, score }]) => `rspamd_config.${name} = {
  callback = function(task) return tostring(task:get_content()):find("${word}", 1, true) ~= nil end,
  score = ${score},
}
`,
  );
  // It becomes a user of its own.
  chmodSync(directory, 0o777);
  writeFileSync(`${directory}/rules.lua`, rules.join(""));
  // The list of top-level domains that it comes with takes it seconds to compile.
  writeFileSync(`${directory}/domains`, "test\nexample\n");
  writeFileSync(
    `${directory}/rspamd.conf`,
    `options {
  pidfile = "${directory}/rspamd.pid";
  temp_dir = "${directory}";
  hs_cache_dir = "${directory}";
  url_tld = "${directory}/domains";
  filters = "";
  check_all_filters = true;
  dns { nameserver = ["127.0.0.1:9"]; timeout = 1s; }
  control_socket = "${directory}/control.sock mode=0600";
  explicit_modules = ["settings"];
}
logging { type = "file"; filename = "${directory}/rspamd.log"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
lua = "${directory}/rules.lua";
modules { path = "/usr/share/rspamd/plugins/settings.lua"; }
actions { ${quoted(actions)} }
settings {
${applied.join("")}}
`,
  );
  const user = process.getuid?.() === 0 ? ["-u", "_rspamd", "-g", "_rspamd"] : [];
  const rspamd = spawn(RSPAMD, ["-f", ...user, "-c", `${directory}/rspamd.conf`], { stdio: "ignore" });
  await isUp(port);
  return { port, directory, stop: () => stopProcess(rspamd) };
}

const START_TIMEOUT_MS = 60_000;

async function isUp(port: number): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < end) {
    const answer = await fetch(`http://127.0.0.1:${port}/ping`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    await answer?.text();
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`rspamd does not answer on port ${port} after ${START_TIMEOUT_MS} ms`);
}
