import type { BmiEngine, BmiProfile } from "@postbus/contracts";
import { askClamd } from "../../clients/clamd.ts";
import { askRspamd } from "../../clients/rspamd.ts";
import { askSpamd } from "../../clients/spamd.ts";
import type { EngineHosts } from "../../hosts/engine-hosts.ts";
import type { ScannedMessage } from "../../message/scanned-message.ts";
import type { Findings } from "./findings.ts";

/** What an engine is asked, besides the message. */
export interface EngineQuestion {
  readonly engine: BmiEngine;
  readonly settings: string | undefined;
  readonly user: string | undefined;
  /** All whose profiles ask the same. */
  readonly recipients: readonly string[];
}

/** What the engine's answer depends on: profiles that have it in common share the answer. */
export function questionFor(
  engine: BmiEngine,
  { settings, user }: Pick<BmiProfile, "settings" | "user">,
): Pick<EngineQuestion, "settings" | "user"> {
  if (engine.driver === "rspamd") return { settings, user };
  return { settings: undefined, user: engine.driver === "spamd" ? (user ?? engine.user) : undefined };
}

/** @throws {DeferError} it could not tell. What reading the message throws. */
export async function askEngine(
  { engine, settings, user = "", recipients }: EngineQuestion,
  message: ScannedMessage,
  hosts: EngineHosts,
  signal: AbortSignal,
): Promise<Findings> {
  const { server, timeoutMs } = engine;
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  switch (engine.driver) {
    case "rspamd": {
      const question = { server, user, recipients, ...(settings === undefined ? {} : { settingsId: settings }) };
      const { symbols, action, score, threshold } = await askRspamd(hosts, question, message, inTime);
      return { symbols: [...symbols.keys()], action, score, isSpam: score >= threshold, malware: "" };
    }
    case "spamd": {
      const { score, threshold, text } = await askSpamd(hosts, { server, command: "SYMBOLS", user }, message, inTime);
      const symbols = text.split(/[\s,]+/).filter((name) => name !== "");
      return { symbols, action: "", score, isSpam: score >= threshold, malware: "" };
    }
    case "clamd": {
      const malware = await askClamd(hosts, { server }, message, inTime);
      return { symbols: [], action: "", score: undefined, isSpam: undefined, malware };
    }
    default:
      throw new Error(`unhandled engine: ${JSON.stringify(engine satisfies never)}`);
  }
}
