import {
  type BmiEngine,
  type BmiGroup,
  type BmiTask,
  type BmiVerdictOctets,
  encodeBmiVerdict,
  groupByProfile,
} from "@postbus/contracts";
import { DeferError, fewAtATime } from "@postbus/mail";
import type { EngineHosts } from "../../hosts/engine-hosts.ts";
import type { ScannedMessage } from "../../message/scanned-message.ts";
import type { Engine } from "../engine.ts";
import { isForNow } from "../is-for-now.ts";
import { askEngine, type EngineQuestion, questionFor } from "./ask-engines.ts";
import type { Findings } from "./findings.ts";
import { verdictOf } from "./verdict-of.ts";

/** Questions about one message that are on their way to one engine at one time: other messages find places, too. */
const MAX_ROUNDS_AT_ONCE = 8;

/**
 * What is to become of the message, for each recipient? Engines are asked once for each way of looking at it that the
 * recipients' profiles want, some of these beside each other; rules make verdicts of the answers.
 */
export const bmi: Engine<"bmi"> = {
  keeps: "content",
  async scan({ setup, recipients }: BmiTask, message, hosts, signal) {
    const { groups } = groupByProfile(setup, recipients);
    const warnings: string[] = [];
    const rounds = roundsOf(setup.engines, groups, message.size);
    const surroundings = { message, hosts, signal, warnings };
    const answers = new Map<Round, Findings | undefined>();
    const ask = async (round: Round): Promise<void> => {
      answers.set(round, await findingsOf(round, surroundings));
    };
    // One that hangs must not keep the others from being asked in time.
    const byEngine = Map.groupBy(rounds, ({ engine }) => engine).values();
    await Promise.all(byEngine.map((own) => fewAtATime(own, MAX_ROUNDS_AT_ONCE, ask)));
    const verdicts = groups.map((group) => {
      const findings = new Map<string, Findings>();
      for (const round of rounds) {
        const found = answers.get(round);
        if (found !== undefined && round.groups.has(group)) findings.set(round.engine.name, found);
      }
      return { v: 1, r: group.recipients, ...verdictOf(setup, group.profile.name, findings), e: 0 } as const;
    });
    return {
      verdict: { engine: "bmi", verdicts: joined(verdicts).map(encodeBmiVerdict), warnings },
      isForNow: [...answers.values()].some((found) => found === undefined || isForNow(found.action)),
    };
  },
};

/** One question to one engine. */
interface Round extends EngineQuestion {
  readonly groups: Set<BmiGroup>;
  readonly recipients: string[];
}

function roundsOf(engines: readonly BmiEngine[], groups: readonly BmiGroup[], size: number): readonly Round[] {
  const rounds = new Map<string, Round>();
  for (const engine of engines) {
    if (size > (engine.maxOctets ?? Number.POSITIVE_INFINITY)) continue;
    for (const group of groups) {
      if (group.profile.engines?.includes(engine.name) === false) continue;
      const question = questionFor(engine, group.profile);
      const key = JSON.stringify([engine.name, question.settings, question.user]);
      const round = rounds.getOrInsertComputed(key, () => ({ engine, ...question, groups: new Set(), recipients: [] }));
      round.groups.add(group);
      round.recipients.push(...group.recipients);
    }
  }
  return [...rounds.values()];
}

interface Surroundings {
  readonly message: ScannedMessage;
  readonly hosts: EngineHosts;
  readonly signal: AbortSignal;
  readonly warnings: string[];
}

/** @returns undefined: it has not answered, and need not. */
async function findingsOf(
  round: Round,
  { message, hosts, signal, warnings }: Surroundings,
): Promise<Findings | undefined> {
  try {
    return await askEngine(round, message, hosts, signal);
  } catch (err) {
    if (!(err instanceof DeferError) || round.engine.isOptional !== true) throw err;
    warnings.push(err.message);
    return undefined;
  }
}

/** Recipients with the same verdict are in one, whatever their profiles are. */
function joined(verdicts: readonly BmiVerdictOctets[]): readonly BmiVerdictOctets[] {
  const all = new Map<string, BmiVerdictOctets>();
  for (const verdict of verdicts) {
    const { d, f } = verdict;
    all.getOrInsertComputed(JSON.stringify([d, f]), () => ({ ...verdict, r: [] })).r.push(...verdict.r);
  }
  return [...all.values()];
}
