import type { SpamTask } from "@postbus/contracts";
import { askRspamd } from "../clients/rspamd.ts";
import { askSpamd } from "../clients/spamd.ts";
import type { EngineHosts } from "../hosts/engine-hosts.ts";
import type { ScannedMessage } from "../message/scanned-message.ts";
import type { Engine } from "./engine.ts";
import { firstThatAnswers } from "./first-that-answers.ts";
import { isForNow } from "./is-for-now.ts";

type SpamServer = SpamTask["servers"][number];

/** How much does it look like spam? */
export const spam: Engine<"spam"> = {
  keeps: "content",
  async scan({ user, servers }, message, hosts, signal) {
    const verdict = await firstThatAnswers(inTurn(servers), signal, (server) =>
      ask(server, user, message, hosts, signal),
    );
    return { verdict, isForNow: isForNow(verdict.action) };
  },
};

async function ask(
  { server, protocol, retryMs, timeoutMs }: SpamServer,
  user: string,
  message: ScannedMessage,
  hosts: EngineHosts,
  signal: AbortSignal,
) {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  if (protocol === "spamd") {
    const { score, threshold, text } = await askSpamd(
      hosts,
      { server, command: "REPORT", user, retryMs },
      message,
      inTime,
    );
    return {
      engine: "spam",
      score,
      threshold,
      action: score >= threshold ? "reject" : "no action",
      report: text,
    } as const;
  }
  const { score, threshold, action, symbols } = await askRspamd(hosts, { server, retryMs }, message, inTime);
  const lines = [
    `Action: ${action}`,
    ...[...symbols].map(([name, symbol]) => `Symbol: ${name}(${symbol.score.toFixed(2)})`),
  ];
  return { engine: "spam", score, threshold, action, report: `${lines.join("\n")}\n` } as const;
}

/** Those of a larger priority first; among equals, chance decides by their weights. */
function inTurn(servers: readonly SpamServer[]): SpamServer[] {
  // The smallest of exponentially distributed times is each one's with a chance that is proportional to its weight.
  const drawn = servers.map((server) => ({ server, at: -Math.log(1 - Math.random()) / server.weight }));
  return drawn.sort((a, b) => b.server.priority - a.server.priority || a.at - b.at).map(({ server }) => server);
}
